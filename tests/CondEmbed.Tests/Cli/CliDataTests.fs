/// The commands on published sets, subsets of them, and images that cannot be read.
module CondEmbed.Tests.CliDataTests

open System.IO
open System.Text.Json
open Expecto
open CondEmbed.WeightFiles
open CondEmbed.Storage
open CondEmbed.Reports
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private textOf (found: JsonElement) (name: string) = found.GetProperty(name).GetString()

let private inspect =
    test "data inspect tells in text and JSON, and draws a sheet" {
        inFolder (fun folder ->
            PublishedSupport.cub folder [ 1; 2; 101; 102 ]
            let whole = condembed [ "data"; "inspect"; folder ]
            Expect.equal whole.Code 2 whole.Everything
            Expect.stringContains whole.Error "CUB-200-2011 is incomplete" "refused"
            let sheet = Path.Combine(folder, "made", "sheet.png")
            let outcome = condembed [ "data"; "inspect"; folder; "--allow-subset"; "--out"; sheet ]
            Expect.equal outcome.Code 0 outcome.Everything

            for line in
                [ "CUB-200-2011"
                  "8 of 11,788 images"
                  "classes       4"
                  "2 to 2 images, median 2"
                  "test: 2 classes, 4 images"
                  "8 JPEG"
                  "none byte for byte (SHA-256"
                  sheet ] do
                Expect.stringContains outcome.Out line "printed"

            Expect.stringContains outcome.Error "inspecting" "progress"
            Expect.isGreaterThan (ImageSupport.decodeFile sheet).Width (4 * 112) "the sheet"
            let found = jsonOf (succeeds [ "data"; "inspect"; folder; "--allow-subset"; "--split"; "first-half"; "--boxes"; "--json" ])
            Expect.equal (found.GetProperty("images").GetInt32(), textOf found "kind") (8, "CUB-200-2011") "JSON"
            Expect.equal (found.GetProperty("height").GetProperty("max").GetInt32()) 9 "cut to boxes"
            Expect.stringContains (textOf found "split") "first of the sorted names" "another split"

            for arguments, word in
                [ [ "data"; "inspect"; folder; "--layout"; "bird" ], "'bird' is not one of auto"
                  [ "data"; "inspect"; folder; "--splt"; "hash" ], "did you mean '--split'"
                  [ "data"; "inspect"; folder; "--allow-subset"; "--split"; "half" ], "--split half"
                  [ "data" ], "condembed data --help" ] do
                let outcome = condembed arguments
                Expect.equal outcome.Code 2 outcome.Everything
                Expect.stringContains outcome.Error word "refused")
    }

let private settings =
    [ for key, value in tiny do
          "--set"
          $"{key}={value}" ]

let private subset =
    test "train and evaluate on a subset say so wherever they write a number" {
        inFolder (fun folder ->
            let data, run = Path.Combine(folder, "data"), Path.Combine(folder, "run")
            PublishedSupport.cub data [ 1..8 ]
            let train more = condembed ([ "train"; data; "--out"; run ] @ settings @ more)

            for more, word in [ [], "--allow-subset"; [ "--allow-subset" ], "--split first-half"; [ "--layout"; "sop" ], "Ebay_train.txt" ] do
                let outcome = train more
                Expect.equal outcome.Code 2 outcome.Everything
                Expect.stringContains outcome.Error word "what to do"

            let outcome = train [ "--allow-subset"; "--split"; "first-half"; "--layout"; "cub"; "--set"; "validation_share=0" ]
            Expect.equal outcome.Code 0 outcome.Everything
            let mark = "16 of 11,788 images of CUB-200-2011"
            Expect.stringContains outcome.Error $"subset: {mark}" "before"
            Expect.stringContains outcome.Out $"Measured on a subset, so not to be compared with published numbers: {mark}" "after"
            let files = RunFolder run
            Expect.stringStarts (MetricsFile.Read(files.Metrics).Subset) mark "metrics.json"

            Expect.stringContains
                (File.ReadAllText files.Report)
                $"Measured on a subset</b>, so not comparable with published numbers: {mark}"
                "report"

            let other = jsonOf (succeeds [ "evaluate"; run; data; "--allow-subset"; "--json" ])
            Expect.stringStarts (textOf other "subset") mark "evaluate --json"

            Expect.stringContains
                (succeeds [ "evaluate"; run ])
                $"Measured on a subset, so not to be compared with published numbers: {mark}"
                "evaluate"

            Expect.equal (condembed [ "evaluate"; run; data ]).Code 2 "not without being asked"
            Expect.stringContains (condembed [ "evaluate"; run; "--allow-subset" ]).Error "for other data" "the run's own"
            let embeddings = Path.Combine(folder, "e.npy")
            succeeds [ "embed"; run; data; "--allow-subset"; "--out"; embeddings ] |> ignore
            Expect.equal (Npy.Read(embeddings).Shape[0]) 16L "embed"
            succeeds [ "preview"; data; "--out"; Path.Combine(folder, "preview.png") ] |> ignore

            Expect.stringContains
                (succeeds
                    [ "search"
                      run
                      "--gallery"
                      data
                      "--query"
                      Path.Combine(data, "images", "001.Bird_1", "1_1.jpg")
                      "--top"
                      "1" ])
                "images/001.Bird_1/1_1.jpg"
                "search")
    }

let private skipBad =
    test "evaluate, embed and search name every bad image and the way round them, or leave them out" {
        inFolder (fun folder ->
            let run, data = finishedRun [], Path.Combine(folder, "data")
            unpack data 3
            let images = Directory.GetFiles(data, "*.png", SearchOption.AllDirectories) |> Array.sort
            let bad, query = [ images[0]; Array.last images ], images[1]
            bad |> List.iter (fun image -> File.WriteAllText(image, "no image"))
            let embeddings = Path.Combine(folder, "e.npy")

            for arguments, check in
                [ [ "evaluate"; run; data; "--json" ], (fun (out: string) -> (jsonOf out).GetProperty("queries").GetInt32() = 16)
                  [ "embed"; run; data; "--out"; embeddings ], (fun _ -> Npy.Read(embeddings).Shape[0] = 16L)
                  [ "search"; run; "--gallery"; data; "--query"; query; "--top"; "50"; "--json" ],
                  (fun out -> (jsonOf out).EnumerateArray() |> Seq.head |> _.GetProperty("hits").GetArrayLength() = 16) ] do
                let stopped = condembed arguments
                Expect.equal stopped.Code 2 stopped.Everything

                for image in bad do
                    Expect.stringContains stopped.Error (string (Path.GetFileName image)) "which"

                Expect.stringContains stopped.Error "--skip-bad" "the way round"
                let outcome = condembed (arguments @ [ "--skip-bad" ])
                Expect.equal outcome.Code 0 outcome.Everything
                Expect.stringContains outcome.Error "left out: " "said"
                Expect.isTrue (check outcome.Out) outcome.Out)
    }

let tests = testList "data" [ inspect; subset; skipBad ]
