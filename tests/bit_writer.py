"""Writes the smallest H.264 stream of which each field is a picture of its own: no encoder of ffmpeg's makes one.

All macroblocks are raw samples (`I_PCM`), so that no transform or entropy coding is needed. Syntax: ITU-T H.264, 7.3.
"""

from __future__ import annotations


class BitWriter:
    """A sequence of bits, as H.264's syntax elements write them."""

    def __init__(self) -> None:
        self.bits: list[int] = []

    def u(self, value: int, size: int) -> None:
        """Write an unsigned number of `size` bits."""
        self.bits += [value >> bit & 1 for bit in range(size - 1, -1, -1)]

    def ue(self, value: int) -> None:
        """Write an unsigned Exp-Golomb code."""
        size = (value + 1).bit_length()
        self.u(0, size - 1)
        self.u(value + 1, size)

    def se(self, value: int) -> None:
        """Write a signed Exp-Golomb code."""
        self.ue(2 * value - 1 if value > 0 else -2 * value)

    def align(self, bit: int = 0) -> None:
        """Fill the last byte."""
        while len(self.bits) % 8:
            self.bits.append(bit)

    def nal(self, kind: int) -> bytes:
        """Return the bits as a NAL unit with its start code, of type and `nal_ref_idc` `kind`."""
        self.u(1, 1)
        self.align()
        data = bytearray()
        for at in range(0, len(self.bits), 8):
            byte = int("".join(map(str, self.bits[at : at + 8])), 2)
            if len(data) >= 2 and data[-1] == data[-2] == 0 and byte <= 3:
                data.append(3)  # emulation prevention
            data.append(byte)
        return b"\0\0\0\1" + bytes([kind]) + bytes(data)


def field_stream(frames: int, width: int = 2, height: int = 2) -> bytes:
    """Return an H.264 stream of `frames` frames in 4:2:0, each of a top and a bottom field; sizes in macroblocks, the height even."""
    stream = _parameter_sets(width, height)
    for frame in range(frames):
        for bottom in (0, 1):
            slice_ = BitWriter()
            slice_.ue(0)  # first_mb_in_slice
            slice_.ue(7)  # slice_type: all I
            slice_.ue(0)  # pic_parameter_set_id
            slice_.u(frame % 16, 4)  # frame_num
            slice_.u(1, 1)  # field_pic_flag
            slice_.u(bottom, 1)
            is_idr = frame == 0 and not bottom
            if is_idr:
                slice_.ue(0)  # idr_pic_id
            slice_.u((2 * frame + bottom) % 256, 8)  # pic_order_cnt_lsb
            slice_.u(0, 2 if is_idr else 1)  # dec_ref_pic_marking
            slice_.se(0)  # slice_qp_delta
            for _ in range(width * height // 2):
                slice_.ue(25)  # mb_type: I_PCM
                slice_.align()
                for sample in [16 + frame * 3 % 200] * 256 + [128] * 128:
                    slice_.u(sample, 8)
            stream += slice_.nal(0x65 if is_idr else 0x61)
    return stream


def _parameter_sets(width: int, height: int) -> bytes:
    sequence = BitWriter()
    for value in (77, 0, 30):  # Main profile, level 3
        sequence.u(value, 8)
    sequence.ue(0)  # seq_parameter_set_id
    sequence.ue(0)  # log2_max_frame_num: 4 bits
    sequence.ue(0)  # pic_order_cnt_type
    sequence.ue(4)  # log2_max_pic_order_cnt_lsb: 8 bits
    sequence.ue(1)  # max_num_ref_frames
    sequence.u(0, 1)
    sequence.ue(width - 1)
    sequence.ue(height // 2 - 1)  # in map units, each of two macroblocks
    sequence.u(0, 1)  # frame_mbs_only_flag: there are fields
    sequence.u(0, 1)  # mb_adaptive_frame_field_flag
    sequence.u(1, 1)  # direct_8x8_inference_flag
    sequence.u(0, 1)  # frame_cropping_flag
    sequence.u(0, 1)  # vui_parameters_present_flag
    picture = BitWriter()
    picture.ue(0)
    picture.ue(0)
    picture.u(0, 2)  # CAVLC; no bottom_field_pic_order
    picture.ue(0)  # num_slice_groups
    picture.ue(0)
    picture.ue(0)
    picture.u(0, 3)  # no weighted prediction
    for _ in range(3):
        picture.se(0)
    picture.u(0, 3)
    return sequence.nal(0x67) + picture.nal(0x68)
