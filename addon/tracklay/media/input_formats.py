"""Formats that ffmpeg may read, by purpose, and where it may read from.

Some of ffmpeg's formats are lists or scripts: they hold no picture or sound but name other files and addresses, or commands. A file of
such a kind, whatever its name, could put any file of this machine into a proxy that is sent to a provider. ffmpeg decides what a file is
by its content, so a list of allowed formats is the only safe check, and it holds in every ffmpeg: names that one does not have are ignored.
"""

from __future__ import annotations

PROTOCOLS = "file,pipe"
"""Where ffmpeg may read from: the file that it is given and its own input. Without network, playlists and nested protocols."""

MEDIA_FORMATS = """
3dostr 3g2 3gp 4xm aa aac aax ac3 ac4 ace acm act adp ads adx aea afc aiff aix alp amr amrnb amrwb anm apac apc ape
apm aptx aptx_hd apv argo_asf argo_brp argo_cvg asf asf_o ast au av1 avi avr avs avs2 avs3 bethsoftvid bfi bfstm bink
binka bit bmv boa bonk brstm c93 caf cavsvideo cdg cdxl cine codec2 daud dcstr derf dfa dfpwm dhav dirac dnxhd dsf
dsicin dss dts dtshd dv dxa ea ea_cdata eac3 epaf evc film_cpk filmstrip flac flic flv frm fsb fwse g722 g723_1 g726
g726le g728 g729 gdv genh gsm gxf h261 h263 h264 hca hcom hevc hnm hxvs iamf idcin iff ifv ilbc ingenient ipmovie ipu
ircam iss iv8 ivf ivr jv kux kvag laf lc3 live_flv lmlm4 loas luodat lvf lxf m4a m4v matroska mca mgsts mj2 mjpeg
mjpeg_2000 mlp mm mmf mods moflex mov mp3 mp4 mpc mpc8 mpeg mpegts mpegtsraw mpegvideo mpjpeg msf msnwctcp msp mtaf
mtv musx mv mvi mxf mxg nc nistsphere nsp nsv nut nuv obu ogg oma osq paf pdv pmp pp_bnk psxstr pva pvf qcp qoa r3d
redspark rka rl2 rm roq rpl rsd rso sbc scd sdns sdr2 sds sdx ser sga shn siff simbiosis_imx smjpeg smk smush sol sox
spdif svag svs swf tak thp tiertexseq tmv truehd tta ty usm vag vc1 vc1test vividas vivo vmd voc vpk vqf vvc w64 wady
wav wavarc wc3movie webm wsaud wsd wsvqa wtv wv wve xa xmd xmv xvag xwma yop yuv4mpegpipe
""".split()  # noqa: SIM905 - a list of this length is not read one by one
"""Containers and streams with picture or sound in them: all demuxers of ffmpeg 5.1 to 9.0 except devices, raw samples, subtitles, text
art, trackers' modules, scripts (`avisynth`, `ffmetadata`, `sbg`), lists (`concat`, `dash`, `hls`, `imf`, `image2`, `sdp`) and those that
open further files by name (`mlv`, `vobsub`)."""

IMAGE_FORMATS = """
apng bmp_pipe cri_pipe dds_pipe dpx_pipe exr_pipe fits gem_pipe gif gif_pipe hdr_pipe ico j2k_pipe jpeg_pipe
jpegls_pipe jpegxl_anim jpegxl_pipe jpegxs_pipe pam_pipe pbm_pipe pcx_pipe pfm_pipe pgm_pipe pgmyuv_pipe pgx_pipe
phm_pipe photocd_pipe pictor_pipe png_pipe ppm_pipe psd_pipe qdraw_pipe qoi_pipe sgi_pipe sunrast_pipe tiff_pipe
vbn_pipe webp_anim webp_pipe xbm_pipe xpm_pipe xwd_pipe
""".split()  # noqa: SIM905
"""Images, recognized by their content."""

ANSWER_FORMATS = """
3g2 3gp aac ac3 ac4 aiff amr ape apm asf au avi caf dts dtshd eac3 flac flv loas m4a m4v matroska mj2 mlp mov mp3 mp4 mpc mpc8 mpeg mpegts
mxf nut ogg oma tak truehd tta w64 wav webm wtv wv
""".split()  # noqa: SIM905
"""Containers of sound, and of video with sound, in which a model may answer. Fewer than we read from the user: an answer comes from
outside, and rare formats have the least tested readers."""

CONTENTLESS_IMAGE_SUFFIXES = frozenset({".hdr", ".tga"})
"""Images that an ffmpeg recognizes by their name alone: TGA has no signature, and ffmpeg 5.1 does not read that of HDR."""

PATTERN_IMAGE_SUFFIXES = CONTENTLESS_IMAGE_SUFFIXES | frozenset(
    {".bmp", ".dpx", ".exr", ".j2k", ".jp2", ".jpeg", ".jpg", ".png", ".ppm", ".psd", ".sgi", ".tif", ".tiff", ".webp"}
)
"""Images with which ffmpeg takes a name with `%d` for a pattern."""


def input_options(formats: list[str]) -> dict[str, str]:
    """Return ffmpeg's options for an input that may be of these formats only."""
    return {"protocol_whitelist": PROTOCOLS, "format_whitelist": ",".join(formats)}
