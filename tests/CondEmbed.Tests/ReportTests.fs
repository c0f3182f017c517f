/// Reports: HTML, charts, log files, console text. All numbers in here are made up; the pictures are those of the emoji set.
module CondEmbed.Tests.ReportTests

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.IO.Compression
open System.Text.RegularExpressions
open Expecto
open CondEmbed
open CondEmbed.Reports

let private metrics (pairs: (string * float) list) =
    pairs |> dict |> Dictionary :> IReadOnlyDictionary<string, float>

/// Runs an action in a folder of its own, which is deleted afterwards.
let private inFolder (action: string -> unit) =
    let folder = Directory.CreateTempSubdirectory "condembed-report-"

    try
        action folder.FullName
    finally
        folder.Delete true

let rec private repositoryRoot (folder: DirectoryInfo) =
    if File.Exists(Path.Combine(folder.FullName, "CondEmbed.sln")) then
        folder.FullName
    else
        repositoryRoot folder.Parent

/// Class -> (maker's file, bytes) of the emoji set, the first classes by name.
let private emoji =
    lazy
        (let zip =
            Path.Combine(repositoryRoot (DirectoryInfo AppContext.BaseDirectory), "shell/CondEmbed/Datasets/emoji.zip")

         use archive = ZipFile.OpenRead zip

         [|
             for entry in archive.Entries do
                 if entry.FullName.EndsWith ".png" then
                     use stream = entry.Open()
                     use bytes = new MemoryStream()
                     stream.CopyTo bytes
                     entry.FullName, bytes.ToArray()
         |]
         |> Array.groupBy (fun (name, _) -> name.Split('/').[0])
         |> Array.sortBy fst)

let private picture (bytes: byte[]) =
    Picture(ReadOnlyMemory bytes, "image/png")

/// A plausible grid: each neighbour is right with the given chance.
let private rows (random: Random) chance count =
    let classes = emoji.Value

    [|
        for _ in 1..count do
            let label, images = classes[random.Next classes.Length]
            let path, bytes = images[0]
            let mutable cosine = 0.97

            let neighbours =
                [|
                    for rank in 1..8 do
                        cosine <- cosine - 0.08 * random.NextDouble()
                        let isRight = rank < images.Length && random.NextDouble() < chance

                        let found, others =
                            if isRight then
                                label, images
                            else
                                classes[random.Next classes.Length]

                        let path, bytes = others[if isRight then rank else 0]
                        Neighbour(picture bytes, found, path, cosine, Nullable((found = label)))
                |]

            let right =
                neighbours |> Array.map (fun neighbour -> if neighbour.Label = label then 1.0 else 0.0)

            let precision rank =
                Array.sum right[.. rank - 1] / float rank

            let score = Seq.sum [ for rank in 1..5 -> right[rank - 1] * precision rank ] / 5.0
            RetrievalRow(picture bytes, label, path, neighbours, Nullable score)
    |]

let private steps count =
    let random = Random 1
    let noise scale = scale * (random.NextDouble() - 0.5)

    [|
        for i in 1..count do
            let fall = exp (-4.0 * float i / float count)

            let terms =
                metrics
                    [
                        "unconditional", 0.4 + 1.1 * fall + noise 0.15
                        "level 1", 0.25 + 1.3 * fall + noise 0.2
                    ]

            let rate =
                3e-3 * min (float i / 30.0) (0.5 + 0.5 * cos (Math.PI * float i / float count))

            StepEntry(i * 5, Seq.sum terms.Values, terms, rate, 810.0 + noise 60.0, 2.0 * fall + 0.7 + noise 0.4)
    |]

let private before =
    metrics
        [
            "recall@1", 0.1817
            "recall@2", 0.2511
            "recall@4", 0.3341
            "recall@8", 0.4365
            "precision@1", 0.1817
            "r_precision", 0.0954
            "map_at_r", 0.0612
            "mean_average_precision", 0.0969
            "mean_reciprocal_rank", 0.2617
        ]

let private after =
    metrics
        [
            "recall@1", 0.6641
            "recall@2", 0.7409
            "recall@4", 0.8056
            "recall@8", 0.8602
            "precision@1", 0.6641
            "r_precision", 0.4413
            "map_at_r", 0.3962
            "mean_average_precision", 0.4871
            "mean_reciprocal_rank", 0.7349
        ]

/// A report of a run that never was.
let private demo () =
    let random = Random 7

    RunReport(
        Title = "emoji, residual CNN at 64 px",
        Command = "condembed train --encoder small --levels 1 --steps 600 --seed 1",
        Data =
            DataSummary(
                "emoji",
                [|
                    DataPart("train", 185, 1110)
                    DataPart("validation", 46, 276)
                    DataPart("test", 231, 1386)
                |],
                "Classes are disjoint between the parts."
            ),
        Settings =
            [|
                Setting("levels", "1", false)
                Setting("learning_rate", "0.003", false)
                Setting("batch", "128", true)
                Setting("per_class", "4", true)
                Setting("loss", "multi-similarity", true)
                Setting("seed", "1", true)
            |],
        Environment =
            [|
                Fact("CondEmbed", "0.1.0")
                Fact("TorchSharp", "0.107.0")
                Fact("Device", "cpu")
                Fact("Threads", "2")
            |],
        Steps = steps 120,
        Validations =
            [|
                for i in 1..6 do
                    let share = 1.0 - exp (-0.6 * float i)
                    ValidationEntry(i * 100, metrics [ "recall@1", 0.18 + 0.5 * share; "map_at_r", 0.06 + 0.35 * share ])
            |],
        MetricsBefore = before,
        MetricsAfter = after,
        Retrieval =
            [|
                RetrievalGroup("Typical queries", "Drawn at random with the run's seed.", rows random 0.6 4)
                RetrievalGroup("Best queries", "Highest MAP@R.", rows random 1.0 4)
                RetrievalGroup("Worst queries", "Lowest MAP@R.", rows random 0.05 4)
            |],
        Duration = TimeSpan.FromSeconds 204.0,
        Finished = Nullable(DateTimeOffset(2026, 1, 31, 14, 5, 0, TimeSpan.Zero))
    )

let private written (report: RunReport) =
    let mutable text = ""

    inFolder (fun folder ->
        let path = Path.Combine(folder, "report.html")
        HtmlReport.Write(report, path)
        text <- File.ReadAllText path
        Expect.equal (Directory.GetFiles folder) [| path |] "nothing but the report is left behind")

    text

let private html =
    testList
        "html"
        [
            test "every section is present, each link of the page has its target" {
                let page = written (demo ())

                for id in
                    [
                        "results"
                        "curves"
                        "neighbours"
                        "settings"
                        "data"
                        "environment"
                        "command"
                    ] do
                    Expect.stringContains page $"<section id=\"{id}\">" id
                    Expect.stringContains page $"href=\"#{id}\"" id

                for text in
                    [
                        "MAP@R"
                        "66.41"
                        "+48.24"
                        "Worst queries"
                        "3 m 24 s"
                        "2026-01-31 14:05 UTC"
                        "All 6 settings"
                        "--levels 1"
                    ] do
                    Expect.stringContains page text text
            }
            test "nothing is fetched from anywhere" {
                let page = written (demo ())
                Expect.isFalse (Regex.IsMatch(page, "https?://|//[a-z]+\\.|@import|url\\(")) "no address"

                for source in Regex.Matches(page, "(?:src|href)=\"([^\"]*)\"") do
                    let address = source.Groups[1].Value
                    Expect.isTrue (address.StartsWith "data:image/" || address.StartsWith '#') address

                Expect.stringContains page "default-src 'none'" "the browser is forbidden to ask any host"
            }
            test "names cannot become markup" {
                let evil = "<script>alert(1)</script>\"'onerror=x&"
                let nothing = picture [| 1uy |]

                let row =
                    RetrievalRow(nothing, evil, evil, [| Neighbour(nothing, evil, evil, 0.5, Nullable()) |])

                let page =
                    written (
                        RunReport(
                            Title = evil,
                            Command = evil,
                            Data = DataSummary(evil, [| DataPart(evil, 1, 1) |], evil),
                            Settings = [| Setting(evil, evil, false) |],
                            Environment = [| Fact(evil, evil) |],
                            Steps = [| StepEntry(1, 1.0, metrics [ evil, 1.0; "b", 1.0 ], 1.0, 1.0, 1.0) |],
                            MetricsAfter = metrics [ evil, 0.5 ],
                            Retrieval = [| RetrievalGroup(evil, evil, [| row |]) |]
                        )
                    )

                Expect.isFalse (page.Contains "<script>alert") "no script"
                Expect.isFalse (page.Contains "\"'onerror") "no attribute"
                Expect.stringContains page "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;onerror=x&amp;" "shown as text"
            }
            test "right and wrong differ by sign and word, not by colour alone" {
                let page = written (demo ())
                Expect.equal (Regex.Count(page, "<li class=\"right\"")) (Regex.Count(page, "✓")) "right ones"
                Expect.equal (Regex.Count(page, "<li class=\"wrong\"")) (Regex.Count(page, "✗")) "wrong ones"
                Expect.isTrue (Regex.IsMatch(page, "alt=\"1\\. [^\"]*, right, cosine 0\\.9")) "said to those who do not see it"
            }
            test "changed settings come first, all in a fold-out" {
                let page = written (demo ())
                let settings = page.Substring(page.IndexOf "<section id=\"settings\">")
                let first = settings.Substring(0, settings.IndexOf "<details>")
                Expect.stringContains first "learning_rate" "changed"
                Expect.isFalse (first.Contains "per_class") "default"
            }
            test "a run of which little is known still has a report" {
                let page =
                    written (RunReport(Title = "t", Command = "c", Data = DataSummary("d", [||])))

                for text in
                    [
                        "No metrics were measured."
                        "Nothing was logged."
                        "No queries were kept."
                        "All settings have their defaults."
                    ] do
                    Expect.stringContains page text text
            }
            test "a picture must be a picture" {
                let row =
                    RetrievalRow(Picture(ReadOnlyMemory [| 1uy |], "text/html"), "a", "a", [||])

                let write () =
                    written (
                        RunReport(
                            Title = "t",
                            Command = "c",
                            Data = DataSummary("d", [||]),
                            Retrieval = [| RetrievalGroup("g", "", [| row |]) |]
                        )
                    )
                    |> ignore

                Expect.throwsT<ArgumentException> write "text/html"
            }
            test "a search without labels shows neutral frames and file names" {
                inFolder (fun folder ->
                    let nothing = picture [| 1uy |]

                    let row =
                        RetrievalRow(nothing, null, "q/query.jpg", [| Neighbour(nothing, null, "g/one.jpg", 0.75, Nullable()) |])

                    let path = Path.Combine(folder, "new", "search.html")
                    SearchReport.Write(SearchResults("Search", [| Fact("gallery", "g") |], [| row |]), path)
                    let page = File.ReadAllText path
                    Expect.stringContains page "<b>query.jpg</b>" "query"
                    Expect.stringContains page "<li class=\"open\" title=\"g/one.jpg\">" "neighbour"
                    Expect.stringContains page "<b>0.75</b><span>one.jpg</span>" "cosine and name")
            }
        ]

let private draw name smooth (points: (float * float) seq) =
    let series = ChartSeries(name, [| for x, y in points -> ChartPoint(x, y) |])
    SvgChart.Draw(Chart("Chart", [| series |], Smooth = smooth)).ToString()

let private coordinates (svg: string) =
    Regex.Matches(svg, "class=\"line\"[^>]* d=\"([^\"]*)\"")
    |> Seq.collect (fun path -> Regex.Matches(path.Groups[1].Value, "([ML])([-0-9.]+) ([-0-9.]+)"))
    |> Seq.map (fun point -> point.Groups[1].Value, float point.Groups[2].Value, float point.Groups[3].Value)
    |> Seq.toList

let private charts =
    testList
        "chart"
        [
            test "a constant line lies in the middle" {
                for value in [ 0.0; 3.0; -2e-7; 5e8 ] do
                    let points = coordinates (draw "a" false [ 1.0, value; 2.0, value; 3.0, value ])
                    Expect.equal points.Length 3 $"{value}"

                    for _, _, y in points do
                        Expect.isTrue (y > 10.0 && y < 204.0) $"{value} lies at {y}"
            }
            test "a value that is not finite breaks the line and is counted" {
                let svg =
                    draw "a" false [ 1.0, 1.0; 2.0, nan; 3.0, 2.0; 4.0, infinity; 5.0, 3.0; 6.0, 1e300; 7.0, 1.0 ]

                Expect.equal (coordinates svg |> List.map (fun (pen, _, _) -> pen)) [ "M"; "M"; "M"; "M" ] "four strokes"
                Expect.stringContains svg "3 values were not finite" "said"
                Expect.isFalse (Regex.IsMatch(svg, " d=\"[^\"]*(NaN|∞)")) "no such coordinate"
            }
            test "nothing to draw is said" {
                for points in [ []; [ 1.0, nan ] ] do
                    Expect.stringContains (draw "a" true points) "Nothing was logged." "empty"
            }
            test "a single point is drawn" { Expect.stringContains (draw "a" true [ 5.0, 0.5 ]) "<circle" "dot" }
            test "a long line keeps its peak and stays small" {
                let svg =
                    draw "a" false [ for i in 1..20000 -> float i, (if i = 7777 then 10.0 else 1.0) ]

                Expect.isLessThan svg.Length 20000 "characters"
                Expect.equal (coordinates svg |> List.map (fun (_, _, y) -> y) |> List.min |> round) 10.0 "the peak reaches the top"
            }
            test "a running mean leaves a straight line as it is" {
                let line =
                    ChartSeries("a", [| for i in 0..199 -> ChartPoint(float i, 2.0 * float i) |])

                for raw, mean in Seq.zip line.Points (line.RunningMean().Points) do
                    Expect.floatClose Accuracy.high mean.Y raw.Y "mean"
            }
            testProperty "ticks are ascending, within the scale, and the scale holds the values"
            <| fun (values: FsCheck.NormalFloat list) ->
                let values = values |> List.map (fun value -> value.Get % 1e6)
                let scale = ChartScale.Covering(values, 4)
                let slack = 1e-9 * (scale.To - scale.From)

                Seq.forall (fun value -> value >= scale.From - slack && value <= scale.To + slack) values
                && Seq.forall (fun (a, b) -> a < b) (Seq.pairwise scale.Ticks)
                && Seq.forall (fun tick -> tick >= scale.From - slack && tick <= scale.To + slack) scale.Ticks
                && scale.Ticks.Count >= 2
                && scale.Ticks.Count <= 12
        ]

/// A clock that goes on by one second whenever it is asked.
type private Ticking() =
    inherit TimeProvider()
    let mutable now = DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)

    override _.GetUtcNow() =
        now <- now.AddSeconds 1.0
        now

let private step number =
    StepEntry(number, 1.5, metrics [ "a", 1.0; "b", 0.5 ], 0.003, 800.0, 2.0)

let private logged path (entries: LogEntry seq) =
    use writer = new LogWriter(path, Ticking())

    for entry in entries do
        writer.Write entry

let private inLog (action: string -> unit) =
    inFolder (fun folder -> action (Path.Combine(folder, "log.jsonl")))

let private numbers path =
    [ for entry in LogReader.Read(path).Steps -> entry.Step ]

let private logs =
    testList
        "log"
        [
            test "every kind comes back as it was written" {
                inLog (fun path ->
                    let entries: LogEntry list =
                        [
                            StartEntry(600, "condembed train", "0.1.0")
                            step 1
                            ValidationEntry(1, metrics [ "recall@1", 0.1 + 0.2 ])
                            CheckpointEntry(1, "last/weights.safetensors", true)
                            ResumeEntry 1
                            EndEntry(1, "completed")
                        ]

                    logged path entries

                    let kinds =
                        File.ReadAllLines path
                        |> Array.map (fun line -> Regex.Match(line, "^{\"kind\":\"([a-z]+)\",\"step\":[01],\"time\":").Groups[1].Value)

                    Expect.equal kinds [| "start"; "step"; "validation"; "checkpoint"; "resume"; "end" |] "kinds"
                    let read = LogReader.Read path
                    let plain (entry: LogEntry) = entry.GetType().Name, entry.Step
                    Expect.equal (Seq.map plain read.Entries |> Seq.toList) (List.map plain entries) "entries"
                    Expect.equal (read.Validations[0].Metrics["recall@1"]) (0.1 + 0.2) "to the last bit"

                    Expect.equal
                        (read.Steps[0].Terms["b"], read.Steps[0].LearningRate, read.Steps[0].GradientNorm)
                        (0.5, 0.003, 2.0)
                        "step"

                    Expect.equal read.Duration (TimeSpan.FromSeconds 4.0) "five intervals less the interruption")
            }
            test "a loss that is not finite comes back as what it was" {
                inLog (fun path ->
                    logged path [ StepEntry(1, nan, metrics [], 0.0, 0.0, infinity) ]
                    let read = LogReader.Read(path).Steps[0]
                    Expect.isTrue (Double.IsNaN read.Loss && Double.IsPositiveInfinity read.GradientNorm) "NaN and infinity")
            }
            test "a last line torn anywhere is left out, and cut off before more is written" {
                inLog (fun path ->
                    logged path [ step 1; step 2 ]
                    let whole = File.ReadAllBytes path
                    let second = Array.IndexOf(whole, byte '\n') + 1

                    for length in second .. whole.Length - 1 do
                        File.WriteAllBytes(path, whole[.. length - 1])
                        Expect.equal (numbers path) [ 1 ] $"torn at {length}"

                    logged path [ step 3 ]
                    Expect.equal (numbers path) [ 1; 3 ] "goes on on a line of its own"
                    File.AppendAllText(path, "\000\000\000\n")
                    logged path [ step 4 ]
                    Expect.equal (numbers path) [ 1; 3; 4 ] "zeros, as a power cut leaves them")
            }
            test "a bad line in the middle is named" {
                inLog (fun path ->
                    logged path [ step 1 ]
                    File.AppendAllText(path, "{\"kind\":\"party\"}\n")
                    File.AppendAllText(path, File.ReadAllLines(path)[0] + "\n")

                    Expect.throwsC (fun () -> numbers path |> ignore) (fun error ->
                        Expect.isTrue (error :? InputException) "the user can mend it"
                        Expect.stringContains error.Message $"{path}, line 2" "which line"))
            }
            test "a missing log is said" {
                Expect.throwsT<InputException> (fun () -> LogReader.Read "/nowhere/log.jsonl" |> ignore) "missing"
                LogWriter.TruncateAfter("/nowhere/log.jsonl", 3)
            }
            test "what is still open can be read" {
                inLog (fun path ->
                    use writer = new LogWriter(path)
                    writer.Write(step 1)
                    Expect.equal (numbers path) [ 1 ] "at once")
            }
            test "steps that are taken again are not logged twice" {
                inLog (fun path ->
                    logged
                        path
                        [
                            StartEntry(40, "c", "v")
                            step 10
                            CheckpointEntry(10, "last", false)
                            step 20
                            ValidationEntry(20, metrics [])
                            step 30
                        ]

                    File.AppendAllText(path, "{\"kind\":\"st")
                    let start = File.ReadAllLines(path)[0..2]
                    LogWriter.TruncateAfter(path, 10)
                    Expect.equal (File.ReadAllLines path) start "what was before stays, to the letter"
                    logged path [ ResumeEntry 10; step 20 ]
                    Expect.equal (numbers path) [ 10; 20 ] "steps"
                    Expect.isEmpty (LogReader.Read(path).Validations) "validations")
            }
            test "metrics.json comes back" {
                inFolder (fun folder ->
                    let path = Path.Combine(folder, "metrics.json")
                    MetricsFile.Write(path, RunMetrics("emoji", 600, before, after))
                    let read = MetricsFile.Read path
                    Expect.equal (read.Dataset, read.Step) ("emoji", 600) "run"
                    Expect.equal (Seq.toList read.After) (Seq.toList after) "after, in order"
                    Expect.stringContains (File.ReadAllText path) "\"recall@1\": 0.6641" "plain keys"

                    for text in [ ""; "null"; "[]"; "{\"step\":1}" ] do
                        File.WriteAllText(path, text)
                        Expect.throwsT<InputException> (fun () -> MetricsFile.Read path |> ignore) text

                    Expect.throwsT<InputException> (fun () -> MetricsFile.Read(path + "x") |> ignore) "missing")
            }
        ]

let private progress step (seconds: float) =
    RunProgress(
        RunProgress.Training,
        step,
        600,
        Loss = 1.234,
        Terms = [| KeyValuePair("unconditional", 0.8); KeyValuePair("level 1", 0.434) |],
        LearningRate = 0.00091,
        ImagesPerSecond = 811.6,
        Elapsed = TimeSpan.FromSeconds seconds,
        Remaining = TimeSpan.FromSeconds 184.0
    )

let private console =
    testList
        "console"
        [
            test "durations" {
                for seconds, text in
                    [
                        0.0, "0.0 s"
                        0.43, "0.4 s"
                        12.2, "12 s"
                        59.7, "1 m 00 s"
                        72.0, "1 m 12 s"
                        3599.6, "1 h 00 m"
                        7500.0, "2 h 05 m"
                        273600.0, "3 d 04 h"
                        -72.0, "-1 m 12 s"
                    ] do
                    Expect.equal (Human.Duration(TimeSpan.FromSeconds seconds)) text text
            }
            test "numbers" {
                for value, text in
                    [
                        0.0, "0"
                        1.0, "1"
                        1.23456, "1.235"
                        -12.3456, "-12.35"
                        123456.0, "123456"
                        0.003, "0.003"
                        0.00091, "0.00091"
                        1.2e-6, "1.2e-06"
                        3.45e9, "3.45e09"
                        nan, "nan"
                        -infinity, "-inf"
                    ] do
                    Expect.equal (Human.Number value) text text
            }
            test "a line of progress" {
                Expect.equal
                    (ProgressText.Line(progress 120 72.0))
                    "training  120/600  20%  loss 1.2340 (unconditional 0.8000, level 1 0.4340)  lr 0.00091   812 img/s  1 m 12 s, 3 m 04 s left"
                    "training"

                Expect.equal (ProgressText.Line(RunProgress("checking pictures", 3234, 0))) "checking pictures  3,234  0.0 s" "no end known"
                Expect.equal (ProgressText.Line(RunProgress("evaluating", 9, 10))) "evaluating   9/10  90%  0.0 s" "no loss"
                Expect.isFalse ((ProgressText.Line(progress 600 256.0)).Contains "left") "at the end nothing is left"
            }
            test "the only term of a loss is not said twice" {
                let line =
                    ProgressText.Line(RunProgress("training", 1, 9, Loss = 1.0, Terms = [| KeyValuePair("unconditional", 1.0) |]))

                Expect.isFalse (line.Contains "unconditional") line
            }
            test "lines come every five seconds, and at first and last" {
                let pacer = ProgressPacer(TimeSpan.FromSeconds 5.0)

                let printed =
                    [
                        for i in 1..600 do
                            if pacer.ShouldPrint(progress i (float i / 32.0)) then
                                i
                    ]

                Expect.equal printed [ 1; 161; 321; 481; 600 ] "steps"
                Expect.isFalse (pacer.ShouldPrint(progress 600 99.0)) "the end is printed once"
                Expect.isTrue (pacer.ShouldPrint(RunProgress("evaluating", 0, 10))) "a new phase"
            }
            test "the table of metrics is aligned" {
                let table =
                    MetricTable.Format(
                        metrics [ "map_at_r", 0.0612; "recall@1", 0.1817 ],
                        metrics [ "recall@1", 0.6641; "map_at_r", 0.0512; "mine", 1.0 ]
                    )

                let expected =
                    [
                        "metric (%)   before    after   change"
                        "Recall@1      18.17    66.41   +48.24"
                        "MAP@R          6.12     5.12    -1.00"
                        "mine                  100.00"
                    ]

                Expect.equal (table.Split '\n' |> Array.toList) expected "table"
            }
            test "a column without values is left out" {
                let table = MetricTable.Format(metrics [], metrics [ "recall@1", 0.5 ])
                Expect.equal table "metric (%)   after\nRecall@1     50.00" "only after"
            }
        ]

/// Where Chromium is, or nothing.
let private chromium =
    [ "chromium"; "chromium-browser"; "google-chrome" ]
    |> Seq.allPairs ((Environment.GetEnvironmentVariable "PATH" |> string).Split Path.PathSeparator)
    |> Seq.map Path.Combine
    |> Seq.tryFind File.Exists

/// What Chromium makes of a page: its tree after scripts have run, with errors of the console on standard error.
let private dump (browser: string) (folder: string) (page: string) =
    let arguments =
        [
            "--headless"
            "--no-sandbox"
            "--disable-gpu"
            "--no-first-run"
            "--disable-background-networking"
            "--disable-component-update"
            "--disable-sync"
            "--enable-logging=stderr"
            $"--user-data-dir={folder}/profile"
            "--window-size=390,900"
            $"--screenshot={folder}/page.png"
            "--dump-dom"
            Uri(page).AbsoluteUri
        ]

    use browser =
        Process.Start(ProcessStartInfo(browser, arguments, RedirectStandardOutput = true, RedirectStandardError = true))

    let errors = browser.StandardError.ReadToEndAsync()
    let tree = browser.StandardOutput.ReadToEnd()

    if not (browser.WaitForExit 60000) then
        browser.Kill true

    tree, errors.Result

let private inChromium =
    test "Chromium shows the report without a complaint" {
        match chromium with
        | None -> skiptest "Chromium is not installed, so the report is not looked at."
        | Some browser ->
            inFolder (fun folder ->
                let page = Path.Combine(folder, "report.html")
                HtmlReport.Write(demo (), page)
                let tree, errors = dump browser folder page
                Expect.stringContains tree "Repeat this run" "the whole page"
                Expect.isFalse (errors.Contains "CONSOLE") errors
                Expect.isTrue (File.Exists(Path.Combine(folder, "page.png"))) "screenshot")
    }

/// Writes the report of the run that never was, to be looked at: set CONDEMBED_DEMO_REPORT to the file.
let private toBeLookedAt =
    match Environment.GetEnvironmentVariable "CONDEMBED_DEMO_REPORT" with
    | null
    | "" -> []
    | path -> [ test "demo report" { HtmlReport.Write(demo (), path) } ]

let tests =
    testList "Report" ([ html; charts; logs; console; inChromium ] @ toBeLookedAt)
