/// The guide for C#: its snippets are compiled, and what they say is so.
module CondEmbed.Tests.GuideTests

open System
open System.IO
open System.Net.Http
open System.Text.Json
open System.Text.RegularExpressions
open System.Threading
open Expecto
open CondEmbed.Search
open CondEmbed.Models
open CondEmbed.Tests.CSharp
open CondEmbed.Tests.EmbedderSupport
open CondEmbed.Tests.ImageSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support
open CondEmbed.Runs

/// Lines without their indentation, and without empty ones.
let private linesOf (text: string) = text.Split '\n' |> Seq.map _.Trim() |> Seq.filter ((<>) "") |> String.concat "\n"

let private snippetsOf (text: string) =
    [ for found in Regex.Matches(text, "```csharp\n(.*?)```", RegexOptions.Singleline) -> linesOf found.Groups[1].Value ]

let private repositoryFile path = File.ReadAllText(Path.Combine(repositoryRoot (), path))

let private snippets =
    testList
        "snippets"
        [ for page, user, least in
              [ "csharp.md", "GuideUser.cs", 9
                "../README.md", "GuideUser.cs", 1
                "dotnet.md", "DotnetUser.cs", 6
                "from-pytorch-metric-learning.md", "PmlUser.cs", 5
                "data.md", "PmlUser.cs", 1 ] do
              test $"those of docs/{page} are code of the tests" {
                  let code =
                      linesOf (
                          repositoryFile $"tests/CondEmbed.Tests.CSharp/{user}"
                          + "\n"
                          + repositoryFile "shell/scripts/search.cs"
                      )

                  let found = snippetsOf (repositoryFile $"docs/{page}")
                  Expect.isGreaterThanOrEqual found.Length least "snippets"

                  for snippet in found do
                      Expect.stringContains code snippet "snippet"
              } ]

/// The file-based app, as `dotnet run` runs it.
let private app =
    test "shell/scripts/search.cs learns from a folder, goes on after a stop, finds an image of it, and does not learn twice" {
        inFolder (fun folder ->
            let photos = Path.Combine(folder, "photos")
            unpack photos 16
            let query = Directory.GetFiles(photos, "*.png", SearchOption.AllDirectories) |> Array.min
            let file = Path.Combine(repositoryRoot (), "shell", "scripts", "search.cs")

            // What it needs is built: the tests do not build their own assemblies again.
            let given more (arguments: string list) =
                [ "run"; "-c"; "Release"; "--property:BuildProjectReferences=false" ] @ more @ file :: arguments

            let words more query = given more [ photos; query; "2" ]

            let variables = [ PackageSupport.aside folder ]
            let run more = PackageSupport.succeedsIn folder variables "dotnet" (words more query)

            let first = run []
            let begun = photos + ".run"
            let weights = Path.Combine(begun, "last.safetensors")
            let written = File.GetLastWriteTimeUtc weights
            let id = Path.GetRelativePath(photos, query).Replace('\\', '/')
            Expect.stringContains first $"1.000  {id}" "itself"

            let hits =
                [ for found in Regex.Matches(run [ "--no-build" ], @"^\d\.\d{3}  (\S+)\r?$", RegexOptions.Multiline) ->
                      found.Groups[1].Value ]

            Expect.equal (hits.Length, hits.Head) (5, id) "hits"
            Expect.equal (File.GetLastWriteTimeUtc weights) written "once"
            let refused = PackageSupport.failsIn folder variables "dotnet" (words [ "--no-build" ] "gone.png") 2
            Expect.equal (refused.Trim()) "gone.png: no such file." "one line"

            for wrong in [ []; [ photos ]; [ photos; "" ]; [ photos; query; "many" ]; [ photos; query; "2"; "3" ] ] do
                let said = PackageSupport.failsIn folder variables "dotnet" (given [ "--no-build" ] wrong) 2
                Expect.equal (said.Trim()) "usage: dotnet run -c Release shell/scripts/search.cs PHOTOS IMAGE [STEPS]" $"{wrong}"

            Directory.Delete(begun, true)
            stopAt 3 (Trainer(Options.Tiny(photos, begun))) |> ignore
            Expect.stringContains (run [ "--no-build" ]) "continuing after step 3 of 6" "a run that was stopped"
            Expect.isTrue (File.Exists weights) "finished"
            let lines = File.ReadAllLines file |> Array.filter (fun line -> line.Trim() <> "")
            Expect.isLessThan lines.Length 33 "lines")
    }

let private products () =
    [| for i, path in
           Seq.indexed (
               Directory.GetFiles(imageFolder.Value, "*.png", SearchOption.AllDirectories)
               |> Array.sort
               |> Array.truncate 20
           ) -> Product($"no. {i}", Path.GetFileName path, path) |]

let private walk =
    test "a catalogue from its photographs to its service" {
        inFolder (fun folder ->
            let run = Path.Combine(folder, "run")
            let index = Path.Combine(folder, "shop.index")
            let products = products ()
            let none = CancellationToken.None
            Expect.equal (GuideUser.Settings().Resolve().Core.Levels) 1 "settings"
            let result = GuideUser.Train(Options.Tiny(imageFolder.Value, run), none).Result
            expectSameRun (finishedRun []) result.Folder

            let struct (one, many) =
                GuideUser.Embed(run, products[0].Photo, [| for product in products -> product.Photo |], none).Result

            Expect.equal (one.Length, many) (16, 20) "embeddings"
            let measured = GuideUser.Measure(run, imageFolder.Value)
            let whole = SearchUser.Measure(run, imageFolder.Value).ToTuple() |> snd
            Expect.equal measured["map_at_r"] whole["map_at_r"] "of all its images"
            let broken = Product("no. 99", "broken", Path.Combine(folder, "broken.png"))
            Expect.equal (GuideUser.Build(run, Seq.append products [ broken ], index, none).Result) 20 "products"

            use embedder = CondEmbed.Models.EmbeddingModel.Load(run).ToEmbedder()
            use photo = File.OpenRead products[7].Photo
            let hits = GuideUser.Search(embedder, index, photo, none).Result
            Expect.equal (hits.Count, hits[0].Id, hits[0].Label) (5, "no. 7", products[7].Title) "found"

            use opened = ImageIndex.Load(index, embedder)
            GuideUser.Change(opened, embedder, Product("no. 20", "new", products[3].Photo), "no. 3", index, none).Wait()

            use app = GuideUser.Serve(run, index)
            app.StartAsync().Wait()
            use client = new HttpClient()

            use response =
                client.PostAsync(Seq.head app.Urls + "/search", new ByteArrayContent(File.ReadAllBytes products[3].Photo)).Result

            let found = JsonDocument.Parse(response.Content.ReadAsStream()).RootElement
            Expect.equal (found.GetArrayLength(), found[0].GetProperty("id").GetString()) (10, "no. 20") "the new one"
            app.StopAsync().Wait()
            let struct (levels, places) = GuideUser.Explain(run, products[0].Photo, products[1].Photo)
            Expect.equal levels.Count 1 "levels"
            Expect.floatClose Accuracy.low (Seq.sumBy float places) 1.0 "attention")
    }

let private fromElsewhere =
    test "what a user of pytorch-metric-learning writes, in C#" {
        inFolder (fun folder ->
            let run = Path.Combine(folder, "run")
            let result = PmlUser.Train(imageFolder.Value, run).Result
            Expect.equal result.Steps 20 "trained"
            let photo = products () |> Array.item 3 |> _.Photo
            let struct (nearest, isMatch) = PmlUser.Infer(run, imageFolder.Value, photo).Result
            Expect.equal (nearest.Count, isMatch) (10, true) "an image is a match with itself"
            Expect.isGreaterThan nearest[0].Similarity 0.999f "itself"

            // Semi-hard: the negative is farther than the positive, by less than the margin.
            let value = PmlUser.Loss([| [| 1.0; 0.0 |]; [| 0.9; 0.1 |]; [| 0.8; 0.6 |] |], [| 0L; 0L; 1L |])
            Expect.isTrue (value >= 0.0 && value < 0.1) "a loss"
            let metrics = PmlUser.Accuracy([| 1f; 0f; 0.9f; 0.1f; 0f; 1f; 0.1f; 0.9f |], 2, [| 0L; 0L; 1L; 1L |])
            Expect.equal (metrics.Recall 1, metrics.Values["nmi"]) (1.0, 1.0) "two pairs")
    }

let private services =
    test "services are made when wanted, once, and end with the container" {
        inFolder (fun folder ->
            let file = indexOfOne folder
            let network = new FakeNetwork()
            let facts = ServiceUser.Live((fun () -> network :> IEmbeddingNetwork), file)
            Expect.equal facts (ServiceFacts(0, 1, true, 1, false)) "facts"
            Expect.equal network.Disposals 1 "the network")
    }

let private window =
    test "training leaves a window's thread free, and reports there" {
        inFolder (fun folder ->
            let struct (held, told, own) = TrainingUser.TrainFromWindow(Options.Tiny(imageFolder.Value, Path.Combine(folder, "run")))
            Expect.isLessThan held 500.0 "milliseconds"
            Expect.isGreaterThan told.Count 6 "reports"
            Expect.equal (List.ofSeq (Seq.distinct told)) [ own ] "threads")
    }

let private stopping =
    test "a run that was cancelled before it began leaves nothing" {
        inFolder (fun folder ->
            let run = Path.Combine(folder, "run")
            let options = Options.Tiny(imageFolder.Value, run)

            Expect.throwsT<System.Threading.Tasks.TaskCanceledException>
                (fun () ->
                    CondEmbed.Runs.Trainer.TrainAsync(options, cancellationToken = CancellationToken true).GetAwaiter().GetResult()
                    |> ignore)
                "cancelled"

            Expect.isFalse (Directory.Exists run) "no folder")
    }

let tests = testList "Guide" [ snippets; app; walk; fromElsewhere; services; window; stopping ]
