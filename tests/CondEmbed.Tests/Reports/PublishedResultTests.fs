/// What others published, beside a user's own result: one file of numbers for the program and the docs, and nothing set beside what was measured otherwise.
module CondEmbed.Tests.PublishedResultTests

open System.Globalization
open System.IO
open Expecto
open CondEmbed.Common
open CondEmbed.Comparisons
open CondEmbed.Datasets
open CondEmbed.Evaluation
open CondEmbed.Reports
open CondEmbed.Runs
open CondEmbed.Storage
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private sets = [ "CUB-200-2011"; "CARS196"; "Stanford Online Products"; "In-Shop Clothes Retrieval" ]

/// The rows of the page, as the file has them.
let private table =
    lazy
        ([ for result in PublishedResult.All ->
               let number name =
                   match result.Recall.TryGetValue name with
                   | true, value -> value.ToString CultureInfo.InvariantCulture
                   | _ -> ""

               let features = if result.Features.HasValue then string result.Features.Value else ""

               [ result.Method; features ]
               @ List.map number sets
               @ [ $"[{result.Source}]({result.Address}), {result.Place}" ] ]
         |> List.map (fun cells -> "| " + String.concat " | " cells + " |\n")
         |> String.concat "")

/// A copy of a run, as if it had been measured on a published set.
let private runOn (folder: string) name others =
    let copy = Path.Combine(folder, name)
    let source = finishedRun others

    for file in Directory.GetFiles(source, "*", SearchOption.AllDirectories) do
        let target = Path.Combine(copy, Path.GetRelativePath(source, file))
        Directory.CreateDirectory(string (Path.GetDirectoryName target)) |> ignore
        File.Copy(file, target)

    let run = RunFolder copy
    let before = MetricsFile.Read run.Metrics

    let metrics =
        RunMetrics(
            before.Dataset,
            before.Step,
            before.Before,
            before.After,
            before.Best,
            before.BestStep,
            Origin = before.Origin,
            Published = "CUB-200-2011"
        )

    run.Sums.Replace(run.Metrics, fun path -> MetricsFile.Write(path, metrics))
    copy, Readable.Percent(before.After[MetricNames.Recall1])

let private numbers =
    [ test "the page shows the program's numbers, and no others" {
          let page = File.ReadAllText(Path.Combine(repositoryRoot (), "docs", "benchmarks-published.md"))
          Expect.stringContains page table.Value $"docs/benchmarks-published.md; expected are the rows\n{table.Value}"
          let rows = page.Split '\n' |> Array.filter (fun line -> line.StartsWith "| " && line.Contains "](http")
          Expect.equal rows.Length PublishedResult.All.Count "no row besides"
      }
      test "each set of the numbers is one that the program recognises, by the same name" {
          let named =
              [ CubDataset.Published; CarsDataset.Published; StanfordProductsDataset.Published; InShopDataset.Published ]
              |> List.map _.Name

          Expect.equal (List.sort sets) (List.sort named) "names"

          for name in sets do
              let found = PublishedResult.On name
              Expect.isGreaterThan found.Count 3 name

          Expect.all (PublishedResult.All |> Seq.collect _.Recall.Keys) (fun name -> List.contains name sets) "no other set"
          Expect.isEmpty (PublishedResult.On "emoji") "another set"
      } ]

let private beside =
    [ test "the card, the comparison and the page have a user's own result beside what is published, and say what differs" {
          inFolder (fun folder ->
              let run, own = runOn folder "mine" []
              let other, ownOther = runOn folder "other" [ "levels", "2" ]
              let card = ModelCard.Of run

              for words in
                  [ $"| mine | small | 16 | {own} |  |"
                    "| published: Proxy-Anchor | ResNet-50 | 512 | 69.9 | [Proxy-Anchor-CVPR2020](https://"
                    "| published: intra-batch connections | ResNet-50 |  | 70.3 |"
                    "none was measured here"
                    "another network (small)"
                    "started from nothing"
                    "held back 10.00 %"
                    "chosen on the test classes" ] do
                  Expect.stringContains card words "card"

              let page = Path.Combine(folder, "page.html")
              let text = succeeds [ "compare"; run; other; "--out"; page ]

              for words in
                  [ "On CUB-200-2011"
                    "published: ProxyNCA"
                    own
                    ownOther
                    "64.0"
                    "Deep-Metric-Learning-Baselines"
                    "another network" ] do
                  Expect.stringContains text words "compare"

              let html = File.ReadAllText page

              for words in
                  [ "id=\"published\""
                    "published: N-pair loss"
                    "59.0"
                    "<a href=\"https://github.com/dvl-tum/intra_batch\">" ] do
                  Expect.stringContains html words "page"

              let published = (jsonOf (succeeds [ "compare"; run; other; "--json" ])).GetProperty("published")[0]
              Expect.equal (published.GetProperty("dataset").GetString()) "CUB-200-2011" "JSON"
              Expect.equal (published.GetProperty("runs").GetArrayLength()) 2 "both"
              Expect.equal (published.GetProperty("results").GetArrayLength()) (Seq.length (PublishedResult.On "CUB-200-2011")) "all")
      }
      test "what was measured otherwise is not set beside it, and the reason is said" {
          inFolder (fun folder ->
              for name, others, words in
                  [ "split", [ "split", "hash" ], "divided by another rule (split = hash)"
                    "boxes", [ "boxes", "true" ], "cropped to the bounding boxes" ] do
                  let run, _ = runOn folder name others
                  let card = ModelCard.Of run
                  Expect.stringContains card $"{name} is not comparable with what is published on CUB-200-2011" "said"
                  Expect.stringContains card words "why"
                  Expect.isFalse (card.Contains "Proxy-Anchor") "no published number"
                  let text = succeeds [ "compare"; run ]
                  Expect.stringContains text words "compare"
                  Expect.isFalse (text.Contains "Proxy-Anchor") "no published number")
      }
      test "other data is beside nothing" {
          let run = finishedRun []
          Expect.isFalse ((ModelCard.Of run).Contains "published") "card"
          Expect.isFalse ((RunComparison.Read [ run ]).ToText().Contains "published") "compare"
      }
      test "a run on a part of a published set records which, and is not comparable" {
          inFolder (fun folder ->
              let root = Path.Combine(folder, "birds")
              PublishedSupport.cub root [ 1; 2; 3; 4; 101; 102; 103; 104 ]
              let chosen = settings root [ "allow_subset", "true"; "validation_share", "0" ]
              Expect.equal (RunData.Open chosen).Published "CUB-200-2011" "by its lists"
              Expect.isNull (RunData.Open(settings imageFolder.Value [])).Published "class folders"
              let run = Path.Combine(folder, "run")
              train chosen run |> ignore
              Expect.equal (MetricsFile.Read (RunFolder run).Metrics).Published "CUB-200-2011" "recorded"
              let card = ModelCard.Of run

              Expect.stringContains card "**Measured on a subset**, so not comparable with published numbers: 16 of 11,788" "said"

              Expect.isFalse (card.Contains "Proxy-Anchor") "no published number")
      } ]

let tests = testList "Published results" (numbers @ beside)
