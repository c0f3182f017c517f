/// What a C# developer meets who follows the guides: packages, namespaces, folders, listeners, names of metrics.
module CondEmbed.Tests.CSharpTests

open System
open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions
open System.Threading
open Expecto
open CondEmbed.Common
open CondEmbed.Options
open CondEmbed.Runs
open CondEmbed.Storage
open CondEmbed.Tests.CSharp
open CondEmbed.Tests.EmbedderSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private textOf path = File.ReadAllText(Path.Combine(repositoryRoot (), path)).ReplaceLineEndings "\n"

let private found (pattern: string) text = [ for one in Regex.Matches(text, pattern, RegexOptions.Multiline) -> one.Groups[1].Value ]

let private guides =
    testList
        "guides"
        [ test "the program of docs/onnx.md is compiled with the package that it names alone" {
              let shown = Regex.Match(textOf "docs/onnx.md", "```csharp\n(.*?)```", RegexOptions.Singleline).Groups[1].Value
              Expect.equal shown (textOf "tests/CondEmbed.Tests.Onnx/Program.cs") "the program"
              let project = textOf "tests/CondEmbed.Tests.Onnx/CondEmbed.Tests.Onnx.csproj"

              Expect.equal
                  (found "Reference Include=\"([^\"]+)\"" project)
                  [ "../../shell/CondEmbed.Onnx/CondEmbed.Onnx.csproj" ]
                  "its references"

              Expect.equal ((textOf "tests/CondEmbed.Tests.Onnx/paket.references").Trim()) "Roslynator.Analyzers" "its packages"
          }

          test "docs/dotnet.md names every namespace that its code uses, and every package" {
              let page, code = textOf "docs/dotnet.md", textOf "tests/CondEmbed.Tests.CSharp/DotnetUser.cs"
              Expect.equal (found "^using ([\\w.]+);$" page) (found "^using ([\\w.]+);$" code) "namespaces"
              let packages = found "dotnet add package ([\\w.]+)" page

              for package in [ "CondEmbed.Onnx"; "CondEmbed.Extensions.AI"; "CondEmbed.Postgres"; "Microsoft.Extensions.AI" ] do
                  Expect.contains packages package "packages"
          }

          test "a run that was stopped goes on at the next start" {
              inFolder (fun folder ->
                  let run = Path.Combine(folder, "run")
                  let options = Options.Tiny(imageFolder.Value, run)
                  use stop = new CancellationTokenSource()
                  let stopping = listener (fun at -> if at.Phase = RunProgress.Training && at.Step = 2 then stop.Cancel())
                  Expect.isFalse (GuideUser.TrainOrStop(run, options, stopping, stop.Token) |> got) "stopped"
                  let result = GuideUser.GoOn(run, options, listener ignore, CancellationToken.None) |> got
                  expectSameRun (finishedRun []) result.Folder)
          } ]

let private oneFolder =
    testList
        "one folder"
        [ test "is one run's: another one is told so, and takes nothing away" {
              inFolder (fun folder ->
                  let run = RunFolder(Path.Combine(folder, "run"))
                  let config = settings imageFolder.Value []
                  let second = Trainer(config, run.Root)
                  // What a first run has done before it writes its settings.
                  let first = new CheckpointStore(run.Checkpoints)
                  rejects [ run.Root; "another run is using this folder" ] (fun () -> second.Train() |> ignore)
                  Expect.isTrue (Directory.Exists run.Checkpoints) "the first one's folder is left"
                  rejects [ run.Root; "another run is using this folder" ] (fun () -> Trainer(config, run.Root) |> ignore)
                  first.Dispose())
          }

          test "is not begun by two, even if the first has ended meanwhile" {
              inFolder (fun folder ->
                  let run = RunFolder(Path.Combine(folder, "run"))
                  let second = Trainer(settings imageFolder.Value [], run.Root)
                  // It is told its folder shortly before it takes it.
                  second.Notice <-
                      Action<string>(fun line -> if line.StartsWith "run folder" then File.WriteAllText(run.Settings, "# another run's"))

                  rejects [ run.Root; "another run is using this folder" ] (fun () -> second.Train() |> ignore)
                  Expect.equal (File.ReadAllText run.Settings) "# another run's" "its settings are left")
          } ]

let private listening =
    testList
        "listening"
        [ test "what a listener throws is thrown as it is" {
              inFolder (fun folder ->
                  let options = Options.Tiny(imageFolder.Value, Path.Combine(folder, "run"))
                  let broken phase = listener (fun at -> if at.Phase = phase then raise (InvalidTimeZoneException phase))

                  for phase in [ "checking images"; RunProgress.Training ] do
                      let problem =
                          Expect.throwsC (fun () -> Trainer.TrainAsync(options, broken phase) |> got |> ignore) (fun problem ->
                              problem.GetType(), problem.Message)

                      Expect.equal problem (typeof<InvalidTimeZoneException>, phase) "the listener's own"
                      if Directory.Exists options.Out then Directory.Delete(options.Out, true))
          }

          test "a run without data says that it trains on the bundled emoji" {
              inFolder (fun folder ->
                  let told (options: TrainingOptions) =
                      let lines = List<string>()
                      let trainer = Trainer(options, Notice = Action<string>(lines.Add))
                      Expect.throws (fun () -> trainer.Train(null, CancellationToken true) |> ignore) "cancelled"
                      lines |> Seq.exists _.StartsWith("no data is named: training on the bundled emoji")

                  Expect.isTrue (told (TrainingOptions(Out = Path.Combine(folder, "a"), Device = "cpu"))) "none"
                  Expect.isFalse (told (TrainingOptions(Out = Path.Combine(folder, "b"), Device = "cpu", Data = "emoji"))) "emoji")
          } ]

let private metrics =
    testList
        "metrics"
        [ test "are found under their keys in any case, and under the names that tables show" {
              let values =
                  Dictionary<string, float>(dict [ "recall@1", 0.5; "map_at_r", 0.25; "nmi", 0.125; "mean_reciprocal_rank", 0.75 ])

              let result = TrainingResult("runs/a", 1, values, values, null, 0, null)

              for name, value in
                  [ "recall@1", 0.5; "Recall@1", 0.5; "MAP@R", 0.25; "map_at_r", 0.25; "NMI", 0.125; "MRR", 0.75; "R@1", 0.5 ] do
                  Expect.equal result.After[name] value name
                  Expect.isTrue (result.Before.ContainsKey name) name

              Expect.isFalse (result.After.ContainsKey "Recall@2") "not measured"
              Expect.equal (List.ofSeq result.After.Keys) [ "recall@1"; "map_at_r"; "nmi"; "mean_reciprocal_rank" ] "keys"

              let said =
                  Expect.throwsC (fun () -> result.After["Recall@2"] |> ignore) (fun problem ->
                      $"{problem.GetType().Name} {problem.Message}")

              Expect.stringContains
                  said
                  "KeyNotFoundException 'Recall@2' was not measured. There are recall@1, map_at_r, nmi, mean_reciprocal_rank."
                  "what there is"

              Expect.isNull result.Best "none"
          }

          test "a K that was not measured names those that were, and how to ask for it" {
              let metrics = PmlUser.Accuracy([| 1f; 0f; 0.9f; 0.1f; 0f; 1f; 0.1f; 0.9f |], 2, [| 0L; 0L; 1L; 1L |])
              Expect.equal (metrics.Recall 1, metrics["Recall@1"], metrics["MAP@R"]) (1.0, 1.0, 1.0) "measured"

              let said =
                  Expect.throwsC (fun () -> metrics.Recall 3 |> ignore) (fun problem -> $"{problem.GetType().Name} {problem.Message}")

              Expect.isMatch said "KeyNotFoundException Recall@3 was not measured, but K = 1, [0-9, ]+\\." "which"
              Expect.stringContains said "RecallAt" "how to ask"
              Expect.equal (List.ofSeq (metrics.OfQueries "MAP@R")) [ 1.0; 1.0; 1.0; 1.0 ] "of queries"
          } ]

let private mistakes =
    test "all mistakes in the settings come at once, a word that is no device among them" {
        rejects
            [ "Device: 'gpu' is not a device; choose auto, cpu, cuda or cuda:N"
              "Steps"
              "Encoder"
              "Heads"
              "EvaluateEvery" ]
            (fun () ->
                TrainingOptions(Device = "gpu", Steps = -1, Encoder = "smal", Heads = -2, EvaluateEvery = -3).Resolve()
                |> ignore)
    }

let tests = testList "CSharp" [ guides; oneFolder; listening; metrics; mistakes ]
