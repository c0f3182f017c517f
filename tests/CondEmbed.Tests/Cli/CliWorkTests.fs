/// What the commands do when all is well.
module CondEmbed.Tests.CliWorkTests

open System
open System.Globalization
open System.IO
open System.Text.Json
open Expecto
open CondEmbed.Datasets
open CondEmbed.WeightFiles
open CondEmbed.Storage
open CondEmbed.Reports
open CondEmbed.Runs
open CondEmbed.Interop
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private numbersOf (found: JsonElement) =
    Map
        [ for pair in found.EnumerateObject() do
              if pair.Value.ValueKind = JsonValueKind.Number then pair.Name, pair.Value.GetDouble() ]

let private metrics =
    testList
        "metrics"
        [ test "all golden values to 1e-9, under the same keys" {
              inFolder (fun folder ->
                  let cases = jsonOf (File.ReadAllText(golden "metrics.json"))

                  for at, case in Seq.indexed (cases.EnumerateArray()) do
                      let file = Path.Combine(folder, $"case{at}.json")
                      File.WriteAllText(file, case.GetRawText())
                      let found = numbersOf (jsonOf (succeeds [ "metrics"; file; "--json" ]))
                      let expected = numbersOf (case.GetProperty "metrics")
                      Expect.isGreaterThan expected.Count 8 "golden values"

                      for KeyValue(key, value) in expected do
                          Expect.isLessThan (abs (found[key] - value)) 1e-9 key

                      Expect.equal found["queries_without_match"] (case.GetProperty("queries_without_match").GetDouble()) "without match")
          }

          test "as text, a line for each" {
              inFolder (fun folder ->
                  let file = Path.Combine(folder, "two.json")
                  File.WriteAllText(file, """{"embeddings": [[1, 0], [1, 0.1], [0, 1], [0.1, 1]], "labels": ["a", "a", "b", "b"]}""")
                  let out = succeeds [ "metrics"; file ]
                  Expect.stringContains out "4 queries" "queries"
                  Expect.isMatch out "MAP@R +100\\.00" "MAP@R"
                  let missing = "Recall@K counts queries without a possible match as misses"
                  Expect.isFalse (out.Contains missing) "every query has a match"
                  File.WriteAllText(file, """{"embeddings": [[1, 0], [1, 0.1], [0, 1]], "labels": ["a", "a", "b"]}""")
                  Expect.stringContains (succeeds [ "metrics"; file ]) missing "a query has none")
          } ]

let private preview =
    testList
        "preview"
        [ test "an image's view equals Pillow's to the bit" {
              inFolder (fun folder ->
                  let all = jsonOf (File.ReadAllText(golden "images/cases.json"))
                  let cases = Seq.toArray (all.GetProperty("cases").EnumerateArray())
                  let text (case: JsonElement) (name: string) = case.GetProperty(name).GetString()
                  let out = Path.Combine(folder, "made", "view.png")

                  for at in [ 0; 7; 14; 21; 28; 35 ] do
                      let case = cases[at % cases.Length]

                      succeeds
                          [ "preview"
                            golden (Path.Combine("images", text case "source"))
                            "--out"
                            out
                            "--resize"
                            string (case.GetProperty "resize")
                            "--crop"
                            string (case.GetProperty "crop")
                            "--filter"
                            text case "filter" ]
                      |> ignore

                      let expected = ImageSupport.decodeFile (ImageSupport.goldenImage (text case "expected"))

                      let actual = ImageSupport.decodeFile out
                      Expect.equal (actual.Width, actual.Height) (expected.Width, expected.Height) "size"
                      ImageSupport.expectSame actual.Pixels expected.Pixels (text case "expected"))
          }

          test "data becomes a sheet of views" {
              inFolder (fun folder ->
                  let out = Path.Combine(folder, "sheet.png")

                  for data in [ imageFolder.Value; "emoji" ] do
                      let said = succeeds [ "preview"; data; "--out"; out; "--set"; "size=32" ]
                      Expect.stringContains said out "where it is"
                      let sheet = ImageSupport.decodeFile out
                      Expect.isGreaterThan (min sheet.Width sheet.Height) 500 "eight views of eight classes")
          } ]

let private training =
    test "train prints what it does and ends as the library does" {
        inFolder (fun folder ->
            let run = Path.Combine(folder, "run")

            let outcome =
                condembed
                    [ "train"
                      imageFolder.Value
                      "--out"
                      run
                      for key, value in tiny do
                          "--set"
                          $"{key}={value}" ]

            Expect.equal outcome.Code 0 outcome.Everything
            Expect.stringContains outcome.Error "train: 6 classes" "a notice"

            for word in [ "Recall@1"; "Recall@8"; "MAP@R"; "before"; "after"; run; "report.html" ] do
                Expect.stringContains outcome.Out word "printed"

            expectSameRun (finishedRun []) run
            let again = condembed [ "train"; "--resume"; run ]
            Expect.equal again.Code 0 again.Everything
            Expect.stringContains again.Error "continuing after step 6 of 6" "a finished run only reports"
            expectSameRun (finishedRun []) run)
    }

let private evaluate =
    test "evaluate finds the metrics that the run wrote" {
        let run = RunFolder(finishedRun [])
        let found = numbersOf (jsonOf (succeeds [ "evaluate"; run.Root; "--json" ]))
        let written = MetricsFile.Read run.Metrics

        for KeyValue(key, value) in written.After do
            Expect.equal found[key] value key

        let best = numbersOf (jsonOf (succeeds [ "evaluate"; run.Root; "--best"; "--json" ]))

        Expect.equal best["map_at_r"] written.Best["map_at_r"] "the best"

        Expect.stringContains
            (succeeds [ "evaluate"; run.BestWeights; imageFolder.Value ])
            "96 queries"
            "a model file on other data, as text"
    }

let private withoutBad =
    test "evaluate leaves out of a run's own data what the run left out" {
        inFolder (fun folder ->
            let data, run = Path.Combine(folder, "data"), Path.Combine(folder, "run")
            unpack data 16
            let config = settings data [ "skip_bad", "true"; "steps", "1" ]
            let own = RunData.Open config
            File.WriteAllText(Path.Combine(data, own.Dataset.Items[own.Split.Test[0]].Path), "no image")
            train config run |> ignore
            let outcome = condembed [ "evaluate"; run; "--json" ]
            Expect.equal outcome.Code 0 outcome.Everything
            Expect.stringContains outcome.Error "left out: " "said"
            let found = numbersOf (jsonOf outcome.Out)
            Expect.equal found["queries"] 47.0 "queries"
            Expect.equal found["map_at_r"] (MetricsFile.Read(RunFolder(run).Metrics).After["map_at_r"]) "metrics")
    }

let private embed =
    test "embed writes every format, and metrics of the .npy are those of evaluate" {
        inFolder (fun folder ->
            let run = finishedRun []
            let file ending = Path.Combine(folder, "e" + ending)

            for ending in [ ".npy"; ".csv"; ".jsonl"; ".parquet" ] do
                let out = succeeds [ "embed"; run; imageFolder.Value; "--out"; file ending ]
                Expect.stringContains out "96 embeddings of 16 numbers" ending

            let array = Npy.Read(file ".npy")
            Expect.equal (List.ofSeq array.Shape) [ 96L; 16L ] "shape"

            let values = Runtime.InteropServices.MemoryMarshal.Cast<byte, float32>(array.Data.Span).ToArray()

            let number (text: string) = Single.Parse(text, CultureInfo.InvariantCulture)

            let items = FolderDataset.Open(imageFolder.Value).Items
            let lines = File.ReadAllLines(file ".csv")
            Expect.stringStarts lines[0] "path,label,e0,e1," "header"

            for at, line in Seq.indexed lines[1..] do
                let fields = line.Split ','
                Expect.equal (fields[0], fields[1]) (items[at].Path, items[at].Label) "path and label"
                Expect.equal (Array.map number fields[2..]) values[at * 16 .. at * 16 + 15] "numbers"

            for at, line in Seq.indexed (File.ReadAllLines(file ".jsonl")) do
                let row = jsonOf line
                Expect.equal (row.GetProperty("path").GetString()) items[at].Path "path"

                let numbers = [| for x in row.GetProperty("embedding").EnumerateArray() -> x.GetSingle() |]

                Expect.equal numbers values[at * 16 .. at * 16 + 15] "numbers"

            Expect.equal (Text.Encoding.ASCII.GetString((File.ReadAllBytes(file ".parquet"))[..3])) "PAR1" "Parquet"
            let measured = numbersOf (jsonOf (succeeds [ "metrics"; file ".npy"; "--json" ]))

            let evaluated = numbersOf (jsonOf (succeeds [ "evaluate"; run; imageFolder.Value; "--json" ]))

            Expect.equal (Map.toList measured) (Map.toList evaluated) "metrics")
    }

let private search =
    test "search finds an image in its own gallery, and tells in text, JSON and HTML" {
        inFolder (fun folder ->
            let run, page = finishedRun [], Path.Combine(folder, "found.html")

            let query = Directory.GetFiles(imageFolder.Value, "*.png", SearchOption.AllDirectories)[0]

            let name = Path.GetRelativePath(imageFolder.Value, query).Replace('\\', '/')

            let arguments = [ "search"; run; "--gallery"; imageFolder.Value; "--query"; query; "--top"; "3" ]

            let out = succeeds (arguments @ [ "--html"; page ])
            Expect.stringContains out $"1.0000  {name}" "itself comes first"
            Expect.stringContains (File.ReadAllText page) "data:image/png" "pictures"
            let answers = jsonOf (succeeds (arguments @ [ "--json" ]))
            let hits = [ for hit in answers[0].GetProperty("hits").EnumerateArray() -> hit ]
            Expect.equal hits.Length 3 "top"
            Expect.equal (hits[0].GetProperty("path").GetString()) name "the first"
            let cosines = [ for hit in hits -> hit.GetProperty("cosine").GetDouble() ]
            Expect.equal (List.sortDescending cosines) cosines "most similar first"
            let folderOfQueries = string (Path.GetDirectoryName query)

            let many = jsonOf (succeeds [ "search"; run; "--gallery"; imageFolder.Value; "--query"; folderOfQueries; "--json" ])

            Expect.equal (many.GetArrayLength()) 6 "a folder of queries")
    }

let tests = testList "work" [ metrics; preview; training; evaluate; withoutBad; embed; search ]
