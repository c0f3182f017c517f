/// The HTML report of a run, and the page of a search.
module CondEmbed.Tests.ReportHtmlTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open CondEmbed.Evaluation
open CondEmbed.Reports
open CondEmbed.Tests.ReportDemo
open CondEmbed.Tests.Support

let tests =
    testList
        "html"
        [ test "every section is present, each link of the page has its target" {
              let page = written (demo ())

              for id in [ "results"; "curves"; "neighbours"; "settings"; "data"; "environment"; "command" ] do
                  Expect.stringContains page $"<section id=\"{id}\">" id
                  Expect.stringContains page $"href=\"#{id}\"" id

              for text in
                  [ "MAP@R"
                    "66.41"
                    "+48.24"
                    "Training helped. Of 100 images of classes that the network was never trained on, "
                    "Worst queries"
                    "3 m 24 s"
                    "2026-01-31 14:05 UTC"
                    "All 6 settings"
                    "--levels 1" ] do
                  Expect.stringContains page text text
          }
          test "says where the training has made it worse" {
              Expect.isFalse ((written (demo ())).Contains "Worse than before") "better"

              let worse =
                  RunReport(
                      Title = "short",
                      Command = "",
                      Data = DataSummary("d", [||]),
                      MetricsBefore = metrics [ "map_at_r", 0.02; "recall@1", 0.1 ],
                      MetricsAfter = metrics [ "map_at_r", 0.01; "recall@1", 0.9 ]
                  )

              Expect.stringContains (written worse) "Worse than before: in so few steps" "by MAP@R"
              Expect.stringContains (written worse) "Training helped to find the first match, but not the others (MAP@R)." "in words"
              Expect.stringContains (written worse) "90 find a matching one first; before training 10 did." "in numbers"
          }
          test "pairs have a section where there are some, and their numbers and names in it" {
              Expect.isFalse ((written (demo ())).Contains "id=\"looks\"") "none without levels"
              let shown = png [| 1uy |]
              let side label = AttentionFigureSide(label, "a/" + label, shown, [| AttentionMap(shown, "0.12 to 3.40 times even") |])

              let group =
                  AttentionFigureGroup(
                      "Most alike",
                      "How they were chosen.",
                      [| AttentionFigurePair(side "owl & co", side "hen", 0.8125, [| 0.9375 |]) |]
                  )

              let page = written (demoWith [| group |])

              for text in
                  [ "<section id=\"looks\">"
                    "href=\"#looks\""
                    "Most alike"
                    "owl &amp; co"
                    "level 1: 0.12 to 3.40 times even"
                    "<b>0.813</b>"
                    "<b>0.938</b>" ] do
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
              let nothing = png [| 1uy |]

              let row = RetrievalRow(nothing, evil, evil, [| Neighbour(nothing, evil, evil, 0.5, Nullable()) |])

              let page =
                  written (
                      RunReport(
                          Title = evil,
                          Command = evil,
                          Data = DataSummary(evil, [| DataPart(evil, 1, 1) |], evil),
                          Settings = [| ReportSetting(evil, evil, false) |],
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
              let page = written (RunReport(Title = "t", Command = "c", Data = DataSummary("d", [||])))

              for text in
                  [ "No metrics were measured."
                    "Nothing was logged."
                    "No queries were kept."
                    "All settings have their defaults." ] do
                  Expect.stringContains page text text
          }
          test "an image must be an image" {
              let row = RetrievalRow(EncodedImage(ReadOnlyMemory [| 1uy |], "text/html"), "a", "a", [||])

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
                  let nothing = png [| 1uy |]

                  let row = RetrievalRow(nothing, null, "q/query.jpg", [| Neighbour(nothing, null, "g/one.jpg", 0.75, Nullable()) |])

                  let path = Path.Combine(folder, "new", "search.html")
                  SearchReport.Write(SearchResults("Search", [| Fact("gallery", "g") |], [| row |]), path)
                  let page = File.ReadAllText path
                  Expect.stringContains page "<b>query.jpg</b>" "query"
                  Expect.stringContains page "<li class=\"open\" title=\"g/one.jpg\">" "neighbour"
                  Expect.stringContains page "<b>0.75</b><span>one.jpg</span>" "cosine and name")
          } ]
