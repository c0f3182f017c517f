/// Settings, studies, and the files of runs.
module CondEmbed.Fuzz.RunTargets

open System
open System.Collections.Generic
open System.IO
open CondEmbed
open CondEmbed.Comparisons
open CondEmbed.Datasets
open CondEmbed.Images
open CondEmbed.Interop
open CondEmbed.Models
open CondEmbed.Options
open CondEmbed.Reports
open CondEmbed.Runs
open CondEmbed.Storage
open CondEmbed.Studies
open CondEmbed.Teams
open CondEmbed.Fuzz.Target

let private settings = lazy (RunSettings.StartFor "small")

let private texts =
    let toml () = TomlSettings.Write settings.Value

    [ ofFile
          "settings"
          "run.toml"
          (fun _ ->
              [ ofText (toml ())
                ofText "loss = \"triplet\"\nlr = 1e-3\nrecall_at = [1, 2]\n[loss_settings]\nmargin = 0.2\n"
                ofText "loss = \"multi-similarity\"\nlevels = 2\nper-class = 4\n" ])
          (fun path -> RunSettings.Resolve(TomlSettings.Read path) |> ignore)
      ofFile
          "study"
          "study.toml"
          (fun _ -> [ for name in [ "cost-emoji.toml"; "cub50-full-size-sieve2.toml" ] -> plain (shipped name) ])
          (fun path ->
              let isStudy = StudyFile.IsStudy path
              let plan = StudyFile.Read path
              if isStudy then plan.Arms |> Seq.iter ignore)
      ofFile "study.results" "study.json" (fun _ -> [ plain (shipped "cost-emoji.json") ]) (fun path ->
          StudyTables.IsJson path |> ignore
          let results = StudyTables.ReadJson path
          StudyTables.Format results |> ignore
          StudyTables.Choices results |> ignore
          StudyTables.Latex results |> ignore
          StudyTables.WriteCsv(results, path + ".csv")
          StudyReport.Write(results, path + ".html")) ]

let private metrics = readOnlyDict [ "recall@1", 0.5; "map_at_r", 0.25; "nmi", nan ]

let private log: LogEntry list =
    [ StartEntry(
          4,
          "condembed train",
          "0.2",
          Data = DataSummary("emoji", [| DataPart("train", 2, 10) |], ClassSizes = [| 5; 5 |], LeftOut = [| "a.png: empty" |])
      )
      StepEntry(1, 2.0, readOnlyDict [ "loss", 1.5 ], 1e-3, 300.0, 4.0, Waiting = Nullable 0.1)
      ValidationEntry(2, metrics)
      LevelsEntry(2, readOnlyDict [ "level1_entropy", 1.0 ])
      CheckpointEntry(2, "checkpoints/step-000000002", true)
      ResumeEntry(2, Steps = 4)
      EndEntry(4, "finished", Cost = RunCost(0.1, 1000000L, 10L, 20L)) ]

/// What a finished run leaves, without sums.
let private writeRun (folder: string) =
    Directory.CreateDirectory folder |> ignore
    let run = RunFolder folder
    File.WriteAllText(run.Settings, TomlSettings.Write settings.Value)
    File.WriteAllText(run.Fingerprint, String('a', 64))
    File.WriteAllText(run.Classes, "class,queries,queries_without_match,recall@1\na,3,0,0.5\n\"b, c\",2,1,\n")
    File.WriteAllText(Path.Combine(folder, "tests.json"), """{"scenes": {"recall@1": 0.5, "map_at_r": 0.25}, "again": {}}""")
    MetricsFile.Write(run.Metrics, RunMetrics("emoji", 4, metrics, metrics, metrics, 2, Origin = RunOrigin("a", "b")))
    use writer = new LogWriter(run.Log)

    for entry in log do
        writer.Write entry

/// A file of a run, which is read with all others of the run, and beside another run.
let private ofRun name (file: string) =
    { Name = name
      Prepare =
        fun folder ->
            let run = Path.Combine(folder, "run")
            writeRun run
            writeRun (Path.Combine(folder, "other"))
            if file = FileSums.Name then FileSums(run).WriteAll()
            let path = Path.Combine(run, file)
            path, [ plain (File.ReadAllBytes path) ]
      Read =
        fun path ->
            let run = string (Path.GetDirectoryName path)
            let above = string (Path.GetDirectoryName run)

            all
                [ fun () -> RunFolder.Open run |> ignore
                  fun () -> LogReader.Read(RunFolder(run).Log).Duration |> ignore
                  fun () -> ModelCard.Of run |> ignore
                  fun () ->
                      let comparison = RunComparison.Read [ run; Path.Combine(above, "other") ]
                      comparison.ToText() |> ignore
                      comparison.WriteCsv(Path.Combine(above, "all.csv"))
                      comparison.WriteHtml(Path.Combine(above, "all.html"))
                  fun () ->
                      let job = StudyJob("arm", 0, settings.Value, run)
                      let plan = StudyPlan("study", [||], [| StudyArm("arm", [||]) |], [| 0 |], "arm")
                      if job.IsFinished then StudyResults.Read(plan, job).Measured |> Seq.iter ignore
                  fun () -> if file = "log.jsonl" then LogWriter.TruncateAfter(path, 2) ] }

let private measuredBefore folder =
    let given = RunSettings.Resolve [ Given("fuzz", "initial_metrics", folder) ]

    InitialMetrics.Of(given, "network", "data", "cpu", TeamWork Team.alone, (fun () -> metrics), ignore)
    |> Seq.iter ignore

let private images (folder: string) =
    let found = ImageDatasets.Open(Path.Combine(folder, "images"))
    let check = CheckedImages.In(Path.Combine(folder, "kept"), found, [| 0; 1 |], SkiaDecoder())
    let bad: IReadOnlyList<BadImage> = if isNull check.Check then [||] else check.Check.Bad

    for image in bad do
        $"{image.Name}: {image.Reason}" |> ignore

    check.Ids([| 0; 1 |], bad, Threading.CancellationToken.None)
    |> Seq.iter (fun id -> id.Length |> ignore)

/// A file of a folder that is made by its first use, under a name of its own.
let private kept name (inner: string) prepare useIt =
    { Name = name
      Prepare =
        fun folder ->
            prepare folder
            useIt folder
            let path = Directory.GetFiles(Path.Combine(folder, inner)) |> Array.exactlyOne
            path, [ plain (File.ReadAllBytes path) ]
      Read =
        fun path ->
            useIt (if inner = "" then string (Path.GetDirectoryName path) else string (Path.GetDirectoryName(Path.GetDirectoryName path))) }

let private runs =
    [ yield!
          [ for name, file in
                [ "run.settings", "config.toml"
                  "run.metrics", "metrics.json"
                  "run.log", "log.jsonl"
                  "run.classes", "classes.csv"
                  "run.tests", "tests.json"
                  "run.sums", FileSums.Name ] -> ofRun name file ]
      yield kept "initial-metrics" "" ignore measuredBefore
      yield
          kept
              "checked-images"
              "kept"
              (fun folder ->
                  for file in [ "images/a/1.png"; "images/b/2.png" ] do
                      writeText folder file "an image")
              images ]

let targets = texts @ runs
