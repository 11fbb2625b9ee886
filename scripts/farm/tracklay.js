// SPDX-License-Identifier: GPL-3.0-or-later
//
// A Flamenco job type: a work list in shards, and one task that joins them. Copy it to the `scripts` folder beside Flamenco Manager.
//
// The list, its pictures and the output folders must be on the shared storage. Keys are read from the workers' environment.

const JOB_TYPE = {
    label: "Tracklay",
    description: "Generate and lay the sound of a work list",
    settings: [
        { key: "worklist", type: "string", subtype: "file_path", required: true,
          description: "The work list, a .toml, .json or .csv file" },
        { key: "shards", type: "int32", default: 8,
          description: "Number of tasks that the list is split into" },
        { key: "together", type: "int32", default: 8,
          description: "Number of tasks that run at once; they share each provider's rate limit" },
        { key: "workers", type: "int32", default: 8,
          description: "Concurrent takes per provider, over all tasks" },
        { key: "tracklay", type: "string", default: "tracklay", visible: "submission",
          description: "The tracklay command, if it is not on the workers' PATH" },
    ],
};

function compileJob(job) {
    const settings = job.settings;
    const run = (args) => author.Command("exec", {
        exe: settings.tracklay,
        args: ["batch", settings.worklist, "--farm"].concat(args),
    });

    const join = author.Task("join", "misc");
    join.addCommand(run(["--merge"]));
    for (let shard = 1; shard <= settings.shards; shard++) {
        const make = author.Task(`shard ${shard} of ${settings.shards}`, "misc");
        make.addCommand(run([
            "--shard", `${shard}/${settings.shards}`,
            "--together", `${settings.together}`,
            "--workers", `${settings.workers}`,
        ]));
        join.addDependency(make);
        job.addTask(make);
    }
    job.addTask(join);
}
