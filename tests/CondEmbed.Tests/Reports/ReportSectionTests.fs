/// What the parts of a run's report show: map, confusions, classes, data, and how to repeat it.
module CondEmbed.Tests.ReportSectionTests

open System
open System.IO
open System.Net
open System.Text.RegularExpressions
open Expecto
open CondEmbed.Common
open CondEmbed.Evaluation
open CondEmbed.Options
open CondEmbed.Storage
open CondEmbed.Reports
open CondEmbed.Runs
open CondEmbed.Interop
open CondEmbed.Tests.ReportDemo
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

/// Elements that have no end.
let private voids = set [ "meta"; "img"; "input"; "link"; "br" ]

/// The first tag that ends what is not open, or is never ended.
let private imbalance (page: string) =
    let markup = Regex.Replace(page, "(?s)<(script|style)>.*?</\\1>|<!DOCTYPE html>", "")
    let tags = Regex.Matches(markup, "<(/?)([a-zA-Z0-9]+)(?:\"[^\"]*\"|[^\">])*?(/?)>")

    let step (opened: string list, wrong) (tag: Match) =
        let name = tag.Groups[2].Value

        match opened, tag.Groups[1].Value with
        | _ when wrong <> "" || tag.Groups[3].Value = "/" || voids.Contains name -> opened, wrong
        | inner :: rest, "/" when inner = name -> rest, ""
        | _, "/" -> opened, tag.Value
        | _ -> name :: opened, ""

    match Seq.fold step ([], "") tags with
    | [], wrong -> wrong
    | left, "" -> String.concat " " left
    | _, wrong -> wrong

let private section id (page: string) =
    let start = page.IndexOf $"<section id=\"{id}\">"
    Expect.isGreaterThanOrEqual start 0 $"there is a section {id}"
    page.Substring(start, page.IndexOf("</section>", start) - start)

let private evil = "<script>alert(1)</script>\"'onerror=x&"

let private hostile () =
    let nothing = png [| 1uy |]

    RunReport(
        Title = evil,
        Command = evil,
        SettingsFile = evil,
        Data =
            DataSummary(
                evil,
                [| DataPart(evil, 1, 1, PerClass = evil, Examples = [| DataExample(evil, nothing) |]) |],
                Sizes = evil,
                LeftOut = [| evil |]
            ),
        Classes = [| ReportClass(evil, 1, metrics [ "map_at_r", 0.5 ], evil, 1) |],
        Confusion =
            ConfusionReport(
                1,
                1,
                [| ConfusedPair(evil, evil, 1, 1, [| ConfusedExample(nothing, nothing) |]) |],
                [| evil |],
                countsOf [ [| 1; 0 |] ]
            ),
        Map = EmbeddingMap([| MapView(evil, evil, [| MapPoint(0.0, 0.0) |]) |], [| MapItem(evil, evil) |], nothing, 1, 1, evil)
    )

let private page =
    [ test "elements are nested as they must be, whatever there is to show" {
          for report in [ demo (); hostile (); RunReport(Title = "t", Command = "c", Data = DataSummary("d", [||])) ] do
              Expect.equal (imbalance (written report)) "" "every element is ended where it began"

          Expect.equal (imbalance "<p><b>x</p></b>") "</p>" "the check itself"
      }
      test "names cannot become markup in any part" {
          let page = written (hostile ())
          Expect.isFalse (page.Contains "<script>alert") "no script"
          Expect.isFalse (page.Contains "\"'onerror") "no attribute"
      }
      test "every image has a text, and each section a heading that can be linked to" {
          let page = written (demo ())
          Expect.isFalse (Regex.IsMatch(page, "<img (?![^>]*alt=)")) "alt"

          let sections =
              [ for one in Regex.Matches(page, "<section id=\"([^\"]*)\"><h2>[^<]* <a class=\"anchor\" href=\"#([^\"]*)\"") ->
                    one.Groups[1].Value, one.Groups[2].Value ]

          Expect.equal sections.Length (Regex.Count(page, "<section ")) "each has one"
          Expect.all sections (fun (id, link) -> id = link) "to itself"

          Expect.equal
              [ for one in Regex.Matches(page, "<a href=\"#([^\"]*)\">") -> one.Groups[1].Value ]
              (List.map fst sections)
              "the contents"
      } ]

let private map =
    [ test "the map has a dot for each embedding, within its frame, and its place in every view" {
          let text = section "map" (written (demo ()))

          let dots =
              Regex.Matches(text, "<circle r=\"[^\"]*\" cx=\"([^\"]*)\" cy=\"([^\"]*)\" data-i=\"(\\d+)\" data-at=\"([^\"]*)\"")

          Expect.equal [ for dot in dots -> int dot.Groups[3].Value ] [ 0..119 ] "each once, in order"

          for dot in dots do
              let at = [ for number in dot.Groups[4].Value.Split ' ' -> float number ]
              Expect.equal [ float dot.Groups[1].Value; float dot.Groups[2].Value ] at[..1] "the first view is shown"
              Expect.equal at.Length 4 "two views"
              Expect.all at[0..1] (fun x -> x >= 0.0 && x <= 640.0) "within"

          Expect.equal (Regex.Count(text, "<g style=")) 20 "a group for each class"
          Expect.stringContains text "class=\"controls\" hidden" "what needs a script is not there without one"
      }
      test "the map keeps proportions and fills its frame" {
          for places in
              [ [| MapPoint(0.0, 0.0); MapPoint(2.0, 1.0) |]
                [| MapPoint(5.0, 5.0) |]
                [| MapPoint(0.0, -1e9); MapPoint(3.0, 1e9) |] ] do
              for place in MapSection.Fitted places do
                  Expect.isTrue (place.X >= 9.9 && place.X <= 630.1 && place.Y >= 9.9 && place.Y <= 490.1) $"{place}"

          let fitted = MapSection.Fitted [| MapPoint(0.0, 0.0); MapPoint(2.0, 1.0) |]
          Expect.floatClose Accuracy.high (fitted[1].X - fitted[0].X) 620.0 "as wide as can be"
          Expect.floatClose Accuracy.high (fitted[0].Y - fitted[1].Y) 310.0 "upwards, at the same scale"
      }
      test "of a large test part whole classes are drawn, each with its share" {
          let data = RunData.Open(settings imageFolder.Value [])
          let chosen seed labels = RunMap(data, seed).Chosen labels
          let few = [| for i in 0..1499 -> string (i % 7) |]
          Expect.sequenceEqual (Seq.sort (chosen 0 few)) (seq { 0..1499 }) "all where they fit"
          let many = [| for i in 0..9999 -> string (i / 50) |]
          let drawn = chosen 0 many
          Expect.isLessThanOrEqual drawn.Count 1500 "as many as fit"
          Expect.equal (drawn |> Seq.distinct |> Seq.length) drawn.Count "each once"
          Expect.equal (drawn |> Seq.countBy (fun i -> many[i]) |> Seq.map snd |> Seq.distinct |> List.ofSeq) [ 7 ] "the same of each"

          Expect.equal
              (drawn
               |> Seq.map (fun i -> many[i])
               |> Seq.pairwise
               |> Seq.filter (fun (a, b) -> a <> b)
               |> Seq.length)
              199
              "classes together"

          Expect.sequenceEqual (chosen 0 many) drawn "by the seed"
          Expect.isFalse (Seq.forall2 (=) (chosen 1 many) drawn) "another seed"
      } ]

let private confusions =
    [ testProperty "pairs and matrix count what a loop counts"
      <| fun (pairs: (byte * byte) list) ->
          let labels, nearest = [| for a, _ in pairs -> int64 (a % 5uy) |], [| for _, b in pairs -> int64 (b % 5uy) |]
          let count a b = Seq.zip labels nearest |> Seq.filter ((=) (a, b)) |> Seq.length
          let found = Confusions.Of(labels, nearest)
          let matrix = Confusions.Matrix(labels, nearest, [| 3L; 1L |])

          let plain =
              [ for a in 0L .. 4L do
                    for b in 0L .. 4L do
                        if a <> b && count a b > 0 then a, b, count a b, labels |> Seq.filter ((=) a) |> Seq.length ]
              |> List.sortBy (fun (a, b, n, _) -> -n, a, b)

          [ for pair in found -> pair.Label, pair.TakenFor, pair.Count, pair.Queries ] = plain
          && [ for row in matrix -> List.ofSeq row ] =
              [ for a in [ 3L; 1L ] -> [ count a 3L; count a 1L; count a 0L + count a 2L + count a 4L ] ]
      test "classes stand worst first, with what they are taken for" {
          let text = section "classes" (written (demo ()))

          let rows =
              Regex.Matches(
                  text,
                  "<tr><th>([^<]*)</th><td class=\"extra\">6</td><td class=\"\">([0-9.]+)</td><td class=\"\">([0-9.]+)</td><td>([^<]+) <small>3</small></td></tr>"
              )

          Expect.equal [ for row in rows -> row.Groups[3].Value ] [ for i in 0..19 -> Readable.Percent(float i / 25.0) ] "MAP@R"
      }
      test "no more rows than a browser bears, and the rest is said" {
          let classes = [| for i in 1..1000 -> ReportClass($"c{i}", 1, metrics [ "map_at_r", 0.1 ]) |]

          let text =
              section "classes" (written (RunReport(Title = "t", Command = "c", Data = DataSummary("d", [||]), Classes = classes)))

          Expect.equal (Regex.Count(text, "<tr><th>c\\d")) 400 "rows"
          Expect.stringContains text "400 worst of 1,000" "said"
      } ]

let private data =
    [ test "data: counts, sizes, what was left out, a histogram and examples" {
          let text = section "data" (written (demo ()))

          for words in
              [ "64 px wide"
                "1 image that cannot be used was left out"
                "torn.png: it cannot be decoded"
                "Some of train"
                "How many images the classes have" ] do
              Expect.stringContains text words words

          Expect.equal (Regex.Count(text, "<li class=\"open\">")) 12 "examples"
      }
      testProperty "bins hold every class once, in order, and are few"
      <| fun (sizes: FsCheck.PositiveInt list) ->
          let sizes = [| for size in sizes -> size.Get |]
          let bins = [ for struct (first, last, count) in DataSection.Bins sizes -> first, last, count ]

          Seq.sumBy (fun (_, _, count) -> count) bins = sizes.Length
          && bins.Length <= 12
          && List.forall
              (fun (first, last, count) ->
                  first <= last
                  && count = (sizes |> Seq.filter (fun size -> size >= first && size <= last) |> Seq.length))
              bins
          && List.forall (fun ((_, last, _), (first, _, _)) -> first = last + 1) (List.pairwise bins) ]

/// What a page shows as text in the element of an identifier.
let private textOf id (page: string) = WebUtility.HtmlDecode(Regex.Match(page, $"(?s)<pre id=\"{id}\">(.*?)</pre>").Groups[1].Value)

let private ofRun =
    [ test "the report of a run has every part, with and without levels, and stays small" {
          for others in [ []; [ "levels", "0" ] ] do
              let run = RunFolder(finishedRun others)
              let page = File.ReadAllText run.Report

              let parts =
                  [ "results"
                    "curves"
                    "neighbours"
                    "map"
                    "confusion"
                    "classes"
                    "settings"
                    "data"
                    "environment"
                    "command" ]

              for id in parts @ (if others.IsEmpty then [ "looks" ] else []) do
                  section id page |> ignore

              Expect.equal (imbalance page) "" "nesting"
              Expect.isLessThan page.Length 5_000_000 "characters"

              for fact in [ "libtorch"; "Processor"; "Memory"; "Seed"; "Started" ] do
                  Expect.stringContains (section "environment" page) fact fact

              Expect.equal (Regex.Count(section "map" page, "<circle ")) 48 "8 test classes of 6"
              Expect.equal (File.ReadLines run.Classes |> Seq.length) 9 "classes.csv"
      }
      test "the settings that the report shows repeat the run, bit for bit" {
          let first = finishedRun []
          let shown = textOf "settings-file" (File.ReadAllText(RunFolder(first).Report))

          inFolder (fun folder ->
              let config = RunSettings.Resolve(TomlSettings.Parse("run.toml", shown))
              expectSameRun first (train config (Path.Combine(folder, "again"))).Folder)
      }
      test "what could not be used is named in the report" {
          inFolder (fun folder ->
              let copied = Path.Combine(folder, "pictures")
              unpack copied 16
              let bad = Path.Combine(Directory.GetDirectories copied |> Array.min, "torn.png")
              File.WriteAllText(bad, "no image")
              let run = train (settings copied [ "skip_bad", "true"; "steps", "1"; "levels", "0" ]) (Path.Combine(folder, "run"))
              Expect.stringContains (section "data" (File.ReadAllText run.Report)) "torn.png" "left out")
      } ]

let tests = testList "sections" (page @ map @ confusions @ data @ ofRun)
