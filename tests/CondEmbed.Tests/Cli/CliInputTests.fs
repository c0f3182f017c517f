/// What the program says about input that it cannot use: exit code 2, one clear message, and nothing left behind.
module CondEmbed.Tests.CliInputTests

open System.IO
open Expecto
open CondEmbed.Interop
open CondEmbed.Options
open CondEmbed.Storage
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

/// Runs condembed in a folder that holds `empty/`, `flat/one.png`, `note.txt`, `pairs.csv` and `bad.png`; it must refuse with all of the words and leave the
/// folder as it was.
let private refused (arguments: string list) (words: string list) =
    testCase ("condembed " + String.concat " " arguments) (fun () ->
        inFolder (fun folder ->
            let image = Directory.GetFiles(imageFolder.Value, "*.png", SearchOption.AllDirectories)[0]

            Directory.CreateDirectory(Path.Combine(folder, "empty")) |> ignore
            Directory.CreateDirectory(Path.Combine(folder, "flat")) |> ignore
            File.Copy(image, Path.Combine(folder, "flat", "one.png"))
            File.WriteAllText(Path.Combine(folder, "note.txt"), "a note")
            File.WriteAllText(Path.Combine(folder, "pairs.csv"), "path_a,path_b,similar\na.png,b.png,1\n")
            File.WriteAllText(Path.Combine(folder, "bad.png"), "no image")
            File.WriteAllText(Path.Combine(folder, "broken.toml"), "batch = 8\nsteps = = 3\n")

            File.WriteAllText(
                Path.Combine(folder, "wrong.toml"),
                "bach = 8\nloss = \"triplett\"\nsteps = \"many\"\n[loss_settings]\nalpa = 1\n"
            )

            let names () = Directory.GetFileSystemEntries(folder, "*", SearchOption.AllDirectories) |> Array.sort

            let before = names ()

            let filled =
                arguments
                |> List.map (fun word -> word.Replace("PICTURES", imageFolder.Value).Replace("RUN", finishedRun []).Replace("ONE", image))

            let outcome = condembedIn folder filled
            Expect.equal outcome.Code 2 outcome.Everything
            Expect.isMatch outcome.Error "(?m)^condembed: " "says who speaks"

            for word in words do
                Expect.stringContains outcome.Error word "the message"

            for sign in [ "   at "; "Exception"; "Unhandled" ] do
                Expect.isFalse (outcome.Error.Contains sign) outcome.Error

            Expect.equal (names ()) before "nothing is left behind"))

let private commandLine =
    testList
        "command line"
        [ refused [ "trian" ] [ "trian: there is no such command (did you mean 'train'?)"; "'condembed --help'" ]
          refused [ "-h" ] [ "-h: there is no such option"; "'condembed --help'" ]
          refused [ "train"; "-x" ] [ "-x: 'condembed train' has no such option" ]
          refused [ "train"; "--stpes"; "5" ] [ "--stpes"; "did you mean '--steps'"; "condembed train --help" ]
          refused [ "train"; "--stpes"; "5"; "--bach=3" ] [ "--stpes"; "--bach"; "'--batch'" ]
          refused [ "train"; "--steps" ] [ "--steps"; "--help" ]
          refused [ "train"; "--steps"; "5"; "--steps"; "6" ] [ "--steps" ]
          refused [ "train"; "--steps"; "5"; "--epochs"; "1" ] [ "--steps and --epochs" ]
          refused [ "train"; "--set"; "batch" ] [ "--set batch"; "key=value" ]
          refused
              [ "train"
                "--steps"
                "many"
                "--batch"
                "7"
                "--loss"
                "triplett"
                "--set"
                "warmup=0.1"
                "--set"
                "lr=fast" ]
              [ "--steps: 'many' is not a whole number"
                "--batch: 7 is not a multiple"
                "no loss 'triplett'"
                "did you mean 'triplet'"
                "warmup"
                "did you mean 'warm_up'"
                "lr: 'fast' is not a number" ]
          refused [ "evaluate" ] [ "--help" ]
          refused [ "evaluate"; "RUN"; "PICTURES"; "more" ] [ "more"; "nothing else" ]
          refused [ "embed"; "RUN"; "PICTURES" ] [ "--out" ]
          refused [ "embed"; "RUN"; "--out"; "x.npy" ] [ "give images too" ]
          refused [ "search"; "RUN"; "--gallery"; "PICTURES"; "--query"; "ONE"; "--top"; "0" ] [ "--top 0" ]
          refused [ "search"; "RUN"; "--gallery"; "PICTURES"; "--query"; "ONE"; "--top"; "many" ] [ "--top" ]
          refused [ "doctor"; "--jsn" ] [ "--jsn"; "did you mean '--json'" ] ]

let private settingsFiles =
    testList
        "settings file"
        [ refused [ "train"; "--config"; "gone.toml" ] [ "gone.toml"; "cannot be read" ]
          refused [ "train"; "--config"; "broken.toml" ] [ "broken.toml, line 2: 'steps = = 3' is not TOML" ]

          test "a setting that is given twice is an error with its line" {
              let refuses words (text: string) = rejects ("x.toml" :: words) (fun () -> TomlSettings.Parse("x.toml", text) |> ignore)
              refuses [ "batch"; "line 3: " ] "batch = 8\nsteps = 3\nbatch = 16\n"
              refuses [ "alpha"; "line 3: " ] "[loss_settings]\nalpha = 1\nalpha = 2\n"
              refuses [ "alpha"; "line 2: "; "already defined on line 1" ] "loss_settings.alpha = 1\n[loss_settings]\nalpha = 2\n"
              refuses [ "'per_class' is given twice" ] "per-class = 2\nper_class = 4\n"
          }

          refused
              [ "train"; "--config"; "wrong.toml"; "--heads"; "3" ]
              [ "wrong.toml, line 1: bach"
                "did you mean 'batch'"
                "wrong.toml, line 2: loss"
                "did you mean 'triplet'"
                "wrong.toml, line 3: steps"
                "--heads: 3 heads" ]
          refused [ "preview"; "ONE"; "--out"; "x.png"; "--config"; "wrong.toml" ] [ "wrong.toml, line 1: bach" ]

          test
              "a value in quotes, in a list or in a table, where a number or a truth value is wanted, is an error with its line and the fix" {
              let refuses words (text: string) = rejects ("x.toml" :: words) (fun () -> TomlSettings.Parse("x.toml", text) |> ignore)
              let leave = "leave the quotes out, as in"
              refuses [ "line 1: batch: is a whole number, and \"32\" is text"; leave; "batch = 32" ] "batch = \"32\"\n"
              refuses [ "line 2: lr: "; leave; "lr = 1e-3" ] "steps = 3\nlr = '1e-3'\n"
              refuses [ "line 1: freeze_norm: is true or false"; "freeze_norm = true" ] "freeze_norm = \"True\"\n"
              refuses [ "line 2: loss_settings.margin: is a number"; leave ] "[loss_settings]\nmargin = \"0.3\"\n"
              refuses [ "line 1: batch: "; "[32] is a list"; "one value" ] "batch = [32]\n"
              refuses [ "line 1: loss: is one text"; "is a list" ] "loss = ['triplet']\n"
              refuses [ "line 1: batch: "; "a list of tables" ] "[[batch]]\nx = 1\n"
              refuses [ "line 2: train.batch: "; "leave 'train' out" ] "[train]\nbatch = 32\n"
              refuses [ "line 1: batch: "; "line 2: bacth: there is no such setting" ] "batch = '32'\nbacth = 32\n"

              rejects [ "batch: is 99999999999; it must lie within" ] (fun () ->
                  RunSettings.Resolve(TomlSettings.Parse("x.toml", "batch = 99999999999")) |> ignore)

              let read text = RunSettings.Resolve(TomlSettings.Parse("x.toml", text))
              Expect.equal (read "steps = 1e3\nlr = 1\nrecall_at = 1").Core.Steps 1000 "what means the same is read"
              Expect.equal (read "freeze = ['conv1*', 'bn1*']").Core.Freeze "conv1*,bn1*" "a list where a list is wanted"
          }

          test "every setting can stand in the file, and the command line wins" {
              inFolder (fun folder ->
                  let toml, run = Path.Combine(folder, "run.toml"), Path.Combine(folder, "run")

                  let literal (value: string) = if Seq.forall System.Char.IsDigit value then value else $"'{value}'"

                  let lines =
                      [ for key, value in ("data", imageFolder.Value) :: tiny do
                            $"{key} = {literal value}"
                        "loss = 'triplet'"
                        "loss_settings.margin = 0.3"
                        "augment = 'none'" ]

                  File.WriteAllLines(toml, lines)

                  succeeds [ "train"; "--config"; toml; "--steps"; "1"; "--set"; "loss_settings.margin=0.2"; "--out"; run ]
                  |> ignore

                  let config = (RunFolder.Open run).Settings

                  let expected =
                      settings imageFolder.Value [ "steps", "1"; "loss", "triplet"; "loss_settings.margin", "0.2"; "augment", "none" ]

                  Expect.equal config expected "settings of the run"
                  let own = File.ReadAllText(RunFolder(run).Settings)
                  Expect.equal (RunSettings.Resolve(TomlSettings.Parse("own", own))) expected "which is such a file itself")
          }

          test "the file may name the run's folder, and write its keys as the options are written" {
              inFolder (fun folder ->
                  let toml, run = Path.Combine(folder, "run.toml"), Path.Combine(folder, "run")

                  File.WriteAllLines(
                      toml,
                      [ yield $"out = '{run}'"
                        for key, value in tiny do
                            if key <> "device" then yield $"{key.Replace('_', '-')} = {value}" ]
                  )

                  succeeds [ "train"; imageFolder.Value; "--config"; toml; "--steps"; "1"; "--device"; "cpu" ]
                  |> ignore

                  let config = (RunFolder.Open run).Settings
                  Expect.equal config (settings imageFolder.Value [ "steps", "1" ]) "settings of the run")
          } ]

let private places =
    testList
        "files and folders"
        [ refused [ "train"; "nowhere" ] [ "nowhere"; "does not exist" ]
          refused [ "train"; "empty" ] [ "empty"; "no image" ]
          refused [ "train"; "flat" ] [ "flat"; "one.png"; "not in a class folder" ]
          refused [ "train"; "note.txt" ] [ "note.txt"; "a file of another kind" ]
          refused [ "train"; "PICTURES"; "--out"; "flat" ] [ "--out flat"; "is not empty" ]
          refused [ "train"; "PICTURES"; "--out"; "RUN" ] [ "a finished run is there"; "--steps N"; "another folder" ]
          refused [ "train"; "PICTURES"; "--out"; "note.txt" ] [ "--out note.txt"; "is a file" ]
          refused [ "train"; "PICTURES"; "--out"; "note.txt/run" ] [ "--out note.txt/run"; "cannot be created" ]
          refused [ "train"; "PICTURES"; "--device"; "cuda:99" ] [ "cuda:99"; "cpu" ]
          refused [ "train"; "PICTURES"; "--device"; "gpu" ] [ "'gpu' is not a device" ]
          refused [ "train"; "PICTURES"; "--weights"; "gone.pth" ] [ "gone.pth"; "cannot be read" ]
          refused [ "train"; "PICTURES"; "--weights"; "note.txt"; "--batch"; "8"; "--per-class"; "2" ] [ "note.txt"; "safetensors" ]
          refused [ "train"; "--resume"; "nowhere" ] [ "nowhere"; "not a run folder" ]
          refused [ "train"; "--resume"; "RUN"; "--config"; "wrong.toml"; "--lr"; "1" ] [ "--config"; "--lr"; "its own settings" ]
          refused [ "evaluate"; "nowhere" ] [ "nowhere"; "no such file or folder" ]
          refused [ "evaluate"; "pairs.csv" ] [ "pairs.csv: a table, not weights"; "'condembed metrics'" ]
          refused [ "train"; "--config"; "empty" ] [ "empty: is a folder, and a file is wanted here" ]
          refused [ "metrics"; "empty" ] [ "empty: is a folder" ]
          refused [ "study"; "pairs.csv" ] [ "pairs.csv, line 1: 'path_a,path_b,similar' is not TOML" ]
          refused [ "evaluate"; "empty" ] [ "empty"; "has no last.safetensors"; "not a run folder" ]
          refused [ "evaluate"; "RUN"; "nowhere" ] [ "nowhere"; "does not exist" ]
          refused [ "evaluate"; "RUN"; "--device"; "cuda:99" ] [ "cuda:99" ]
          refused [ "embed"; "RUN"; "PICTURES"; "--out"; "x.txt" ] [ "x.txt"; ".parquet" ]
          refused [ "embed"; "RUN"; "PICTURES"; "--out"; "gone/x.npy" ] [ "gone" ]
          refused [ "evaluate"; "RUN"; "--per-class"; "gone/x.csv" ] [ "gone/x.csv"; "there is no folder gone" ]
          refused [ "weights"; "import"; "RUN/last.safetensors"; "--out"; "gone/x.safetensors" ] [ "there is no folder gone" ]
          refused [ "embed"; "RUN"; "bad.png"; "--out"; "x.npy" ] [ "bad.png" ]
          refused [ "search"; "RUN"; "--gallery"; "PICTURES"; "--query"; "gone.png" ] [ "gone.png" ]
          refused [ "search"; "RUN"; "--gallery"; "empty"; "--query"; "ONE" ] [ "empty"; "no image" ]
          refused [ "search"; "RUN"; "--gallery"; "flat"; "--query"; "ONE"; "--html"; "note.txt/x.html" ] [ "note.txt/x.html" ]
          refused [ "preview"; "gone.png"; "--out"; "x.png" ] [ "gone.png" ]
          refused [ "preview"; "bad.png"; "--out"; "x.png" ] [ "bad.png" ]
          refused [ "preview"; "ONE"; "--out"; "empty" ] [ "empty" ]
          refused [ "preview"; "ONE"; "--out"; "p.txt" ] [ "p.txt"; "'.txt' is not .png" ]
          refused [ "data"; "inspect"; "PICTURES"; "--out"; "p.txt" ] [ "p.txt"; "'.txt' is not .png" ]
          refused [ "preview"; "ONE"; "--out"; "x.png"; "--resize"; "32"; "--crop"; "64" ] [ "--resize"; "64" ]
          refused [ "preview"; "ONE"; "--out"; "x.png"; "--filter"; "lanczos" ] [ "--filter"; "bicubic" ]
          refused [ "metrics"; "gone.json" ] [ "gone.json"; "no such file" ]
          refused [ "metrics"; "note.txt" ] [ "note.txt"; ".npy" ] ]

let tests = testList "input" [ commandLine; settingsFiles; places ]
