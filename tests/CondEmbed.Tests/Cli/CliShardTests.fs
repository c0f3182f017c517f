/// `embed --shard auto` as schedulers start it, and `index` of what comes of it.
module CondEmbed.Tests.CliShardTests

open System
open System.IO
open Expecto
open CondEmbed.Datasets
open CondEmbed.Interchange
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

/// What a process of each kind of launcher has in its environment, by its number from 0, of three.
let private launchers: (string * (int -> (string * string) list)) list =
    [ "Slurm array", fun rank -> [ "SLURM_ARRAY_TASK_ID", string (rank + 1); "SLURM_ARRAY_TASK_COUNT", "3"; "SLURM_ARRAY_TASK_MIN", "1" ]
      "Kubernetes", fun rank -> [ "JOB_COMPLETION_INDEX", string rank; "JOB_COMPLETIONS", "3" ]
      "Open MPI", fun rank -> [ "OMPI_COMM_WORLD_RANK", string rank; "OMPI_COMM_WORLD_SIZE", "3" ] ]

let private embed data folder = [ "embed"; finishedRun []; data; "--out"; folder; "--shard"; "auto" ]

let private successful (outcome: Outcome) = Expect.equal outcome.Code 0 outcome.Everything

let private refused words (outcome: Outcome) =
    Expect.equal outcome.Code 2 outcome.Everything

    for word in words do
        Expect.stringContains outcome.Error word "the message"

let private index (shards: string) (store: string) =
    successful (condembed [ "index"; shards; "--store"; store ])
    File.ReadAllBytes store

let private each =
    test "three processes make what one makes, whoever started them" {
        inFolder (fun folder ->
            let at name = Path.Combine(folder, name)
            successful (condembed [ "embed"; finishedRun []; imageFolder.Value; "--out"; at "one"; "--shard"; "1/1" ])
            let expected = index (at "one") (at "one.index")

            for name, variables in launchers do
                for rank in 0..2 do
                    successful (condembedWith (variables rank) (embed imageFolder.Value (at name)))

                Expect.equal (index (at name) (at $"{name}.index")) expected name
                let manifest = Path.Combine(at name, ShardManifest.FileName)
                Expect.equal (index manifest (at $"{name}, by its file.index")) expected manifest)
    }

let private killed =
    test "a process that is killed half-way is started again alone, and the index is that of one process" {
        inFolder (fun folder ->
            let at name = Path.Combine(folder, name)
            let shards, variables = at "shards", snd launchers.Head
            let start = start "CondEmbed.Cli.dll" (Path.GetTempPath())
            successful (condembedWith (variables 2) (embed "emoji" shards))
            use running = start (variables 1) (embed "emoji" shards)

            let begun () = Directory.GetFiles(shards, "part-00002-of-00003.parquet.*").Length > 0

            waitFor "the second to begin" (fun () -> running.HasExited || begun ())
            running.Kill()
            running.Outcome() |> ignore
            Expect.isFalse (File.Exists(Path.Combine(shards, Shard(2, 3).FileName))) "nothing half has its name"
            successful (condembedWith (variables 0) (embed "emoji" shards))
            Expect.isFalse (File.Exists(Path.Combine(shards, ShardManifest.FileName))) "not all are there"

            condembed [ "index"; shards; "--store"; at "early.index" ]
            |> refused [ "1 of 3 shards are missing: part-00002-of-00003.parquet"; "--shard 2/3" ]

            let others = [ for index in [ 1; 3 ] -> File.GetLastWriteTimeUtc(Path.Combine(shards, Shard(index, 3).FileName)) ]
            successful (condembedWith (variables 1) (embed "emoji" shards))
            let after = [ for index in [ 1; 3 ] -> File.GetLastWriteTimeUtc(Path.Combine(shards, Shard(index, 3).FileName)) ]
            Expect.equal after others "alone"
            successful (condembed [ "embed"; finishedRun []; "emoji"; "--out"; at "one"; "--shard"; "1/1" ])
            // Some emoji are the same image: the first of them has the row, however the work was divided.
            Expect.equal (index shards (at "three.index")) (index (at "one") (at "one.index")) "the same bits")
    }

let private input =
    test "an environment that says nothing, too much or half is refused, and so are shards that do not go together" {
        inFolder (fun folder ->
            let at name = Path.Combine(folder, name)
            let run variables = condembedWith variables (embed imageFolder.Value (at "shards"))
            let slurm, kubernetes = snd launchers[0], snd launchers[1]
            refused [ "nothing says which part"; "SLURM_ARRAY_TASK_ID"; "--shard 3/8" ] (run [])
            refused [ "several say"; "a Slurm array: 1 of 3; a Kubernetes job: 2 of 3" ] (run (slurm 0 @ kubernetes 1))
            refused [ "Set JOB_COMPLETIONS" ] (run [ (kubernetes 1).Head ])
            Expect.isFalse (Directory.Exists(at "shards")) "before any work"
            successful (run (slurm 0))
            // As with sbatch --array=2, which knows of one task only.
            refused
                [ "one of 3 shards"; "one of 1"; "--shard i/3" ]
                (run [ "SLURM_ARRAY_TASK_ID", "2"; "SLURM_ARRAY_TASK_COUNT", "1"; "SLURM_ARRAY_TASK_MIN", "2" ])

            successful (run (slurm 1))
            successful (run (slurm 2))
            let second = Path.Combine(at "shards", Shard(2, 3).FileName)
            let bytes = File.ReadAllBytes second
            bytes[bytes.Length / 2] <- bytes[bytes.Length / 2] ^^^ 1uy
            File.WriteAllBytes(second, bytes)

            condembed [ "index"; at "shards"; "--store"; at "a.index" ]
            |> refused [ second; "changed or damaged"; "--shard 2/3 --again" ]

            refused [ second; "changed or damaged"; "--again" ] (run (slurm 1)))
    }

let tests = testList "shards" [ each; killed; input ]
