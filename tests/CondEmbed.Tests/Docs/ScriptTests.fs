/// The scripts of F# Interactive run as they stand.
module CondEmbed.Tests.ScriptTests

open System
open System.Diagnostics
open System.IO
open System.Threading.Tasks
open Expecto
open CondEmbed.Tests.Support

/// Scripts that are loaded by the others.
let private parts = set [ "load.fsx"; "emoji.fsx" ]

/// One at a time: another group of tests has the other core, and each takes up to a gigabyte.
let private slot = new Threading.SemaphoreSlim 1

let private run (script: string) =
    task {
        do! slot.WaitAsync()

        try
            let start = ProcessStartInfo("dotnet", [ "fsi"; "--quiet"; script ])
            start.RedirectStandardOutput <- true
            start.RedirectStandardError <- true
            use fsi = Process.Start start
            let errors = fsi.StandardError.ReadToEndAsync()
            let! output = fsi.StandardOutput.ReadToEndAsync()
            let! errors = errors
            do! fsi.WaitForExitAsync()
            return fsi.ExitCode, output, errors
        finally
            slot.Release() |> ignore
    }

let private folder = lazy Path.Combine(Support.repositoryRoot (), "core", "scripts")

/// What a script must have said.
let private promises =
    [ "1-compose.fsx", [ "396,640 parameters and 448 statistics"; "step 120  loss"; "1,386 queries"; "Recall@1 " ]
      "2-own-layer.fsx", [ "gradients differ by"; "E-0"; "step 20"; "b.conv: it is made for 64 channels" ]
      "3-own-loss.fsx", [ "gradients differ by"; "E-0"; "step 20"; "level1" ]
      "4-own-data.fsx", [ "test: 20 classes, 200 images"; "step 60"; "Recall@1 of kinds never seen" ]
      "5-study.fsx", [ "seed 2:"; "gain in MAP@R"; "n = 3" ]
      "6-look-inside.fsx", [ "look" ] ]

/// All are started when the first is asked for.
let private outcomes =
    lazy
        dict
            [ for script, _ in promises ->
                  let path = Path.Combine(folder.Value, script)
                  script, Task.Run<int * string * string>(fun () -> run path) ]

/// What some of a page's blocks of F# print, as one script: photographs in folders are the images of the tests.
let private outcomeOfBlocks page (places: int list) =
    let text = File.ReadAllText(Path.Combine(Support.repositoryRoot (), "docs", page))
    let blocks = Text.RegularExpressions.Regex.Matches(text, "(?s)```fsharp\n(.*?)```")
    let block = String.concat "\n" [ for place in places -> blocks[place].Groups[1].Value ]

    let script =
        Path.Combine(Path.GetTempPath(), $"condembed-{Path.GetFileNameWithoutExtension page}-{Environment.ProcessId}.fsx")

    let quoted (path: string) = "\"" + path.Replace('\\', '/') + "\""

    let asked =
        block
            .Replace("\"core/scripts/load.fsx\"", quoted (Path.Combine(folder.Value, "load.fsx")))
            .Replace("\"photographs\"", quoted RunSupport.imageFolder.Value)

    File.WriteAllText(script, asked)

    try
        (run script).Result
    finally
        File.Delete script

/// Photographs in folders, and derivatives.
let private guide = lazy outcomeOfBlocks "fsharp.md" [ 1; 2 ]

/// Neither comments (`//`, `(** ... *)`) nor blank.
let private code (script: string) =
    let lines = File.ReadAllLines(Path.Combine(folder.Value, script))

    (([], false), lines)
    ||> Array.fold (fun (kept, within) line ->
        let starts, ends = line.StartsWith "(*", line.TrimEnd().EndsWith "*)"
        let comment = within || starts || line.Trim() = "" || line.TrimStart().StartsWith "//"
        (if comment then kept else line :: kept), (within || starts) && not ends)
    |> fst
    |> List.rev

/// The number that follows some words.
let private numberAfter (words: string) (output: string) =
    let rest = output.Substring(output.IndexOf(words, StringComparison.Ordinal) + words.Length).TrimStart()
    let digits = rest |> Seq.takeWhile (fun c -> Char.IsDigit c || ".E-+".Contains c) |> Seq.toArray |> String
    Double.Parse(digits, Globalization.CultureInfo.InvariantCulture)

let tests =
    testList
        "Script"
        [ for script, words in promises do
              testCase $"{script} runs as it stands" (fun () ->
                  let exitCode, output, errors = outcomes.Value[script].Result
                  Expect.equal exitCode 0 $"it ends well: {errors}"

                  for word in words do
                      Expect.stringContains output word "what it prints")

              testCase $"{script} is short" (fun () ->
                  let lines = code script
                  Expect.isLessThan lines.Length 40 "lines that are neither blank nor comment"
                  Expect.isGreaterThan lines.Length 10 "the lines are found"
                  Expect.all lines (fun line -> line.Length <= 160) "and short")

          testCase "what is trained in 1-compose.fsx finds kinds never seen" (fun () ->
              let _, output, _ = outcomes.Value["1-compose.fsx"].Result
              Expect.isGreaterThan (numberAfter "Recall@1" output) 48.0 "Recall@1 in per cent; a start from nothing has about 30")

          testCase "the gradients of own layers and losses are right" (fun () ->
              for script in [ "2-own-layer.fsx"; "3-own-loss.fsx" ] do
                  let _, output, _ = outcomes.Value[script].Result
                  Expect.isLessThan (numberAfter "gradients differ by" output) 1e-7 script)

          testCase "the own data set is learned" (fun () ->
              let _, output, _ = outcomes.Value["4-own-data.fsx"].Result
              let before, after = numberAfter "never seen:" output, numberAfter "before," output
              Expect.isGreaterThan after (before + 10.0) "Recall@1 in per cent")

          testCase "6-look-inside.fsx leaves its images" (fun () ->
              outcomes.Value["6-look-inside.fsx"].Result |> ignore

              for image in [ "map.svg"; "neighbours.png"; "looks.png" ] do
                  let file = FileInfo(Path.Combine(folder.Value, "look", image))
                  Expect.isTrue (file.Exists && file.Length > 4000L) image

              // A curve of a few steps is a short file: it is told by what it draws.
              let curve = File.ReadAllText(Path.Combine(folder.Value, "look", "curve.svg"))
              Expect.stringContains curve "<path" "a curve"
              Expect.stringContains curve "<text" "its axes")

          testCase "the guide's lines on folders, specs and gradients run as they stand" (fun () ->
              let exitCode, output, errors = guide.Value
              Expect.equal exitCode 0 $"it ends well: {errors}"
              Expect.stringContains output "conv1.weight" "names of parameters"
              Expect.stringContains output "of the stranger [3] Float32 on cpu: 0 0 0" "zeros where nothing depends on a leaf"
              Expect.isGreaterThan (numberAfter "of length" output) 0.0 "the gradients"
              Expect.stringContains output "classes to train on" "two lines for folders and tables"
              Expect.stringContains output "1.mix" "the tree of a repeated layer"
              Expect.stringContains output "attention [2, 6, 6] of two, [8, 8, 6, 6] of a batch" "maps")

          testCase "the page for those who know DiffSharp runs as it stands, and descends" (fun () ->
              let exitCode, output, errors = outcomeOfBlocks "from-diffsharp.md" [ 0 ]
              Expect.equal exitCode 0 $"it ends well: {errors}"
              Expect.stringContains output "[3] Float64 on cpu: 3 12 0.75" "3 x^2"
              // H g = 6 x 3 x^2, and the penalty's gradient is twice that.
              Expect.stringContains output "[3] Float64 on cpu: 18 -144 2.25" "the Hessian's product"
              Expect.stringContains output "[3] Float64 on cpu: 36 -288 4.5" "the penalty's gradient"
              Expect.isLessThan (numberAfter " to " output) (numberAfter "from " output) "the loss")

          testCase "the page for those who know pytorch-metric-learning runs as it stands" (fun () ->
              let exitCode, output, errors = outcomeOfBlocks "from-pytorch-metric-learning.md" [ 0 ]
              Expect.equal exitCode 0 $"it ends well: {errors}"

              for words in [ "the loss of a batch:"; "step 20"; "Recall@1"; "NMI"; "nearest to image 0:"; "the loss of pairs:" ] do
                  Expect.stringContains output words "what it prints")

          testCase "no script is left out" (fun () ->
              let there = Directory.GetFiles(folder.Value, "*.fsx") |> Array.map (fun file -> Path.GetFileName file) |> set

              Expect.equal (there - parts) (promises |> List.map fst |> set) "each script has a test") ]
