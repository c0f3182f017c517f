/// Charts as SVG.
module CondEmbed.Tests.ReportChartTests

open System.Text.RegularExpressions
open Expecto
open CondEmbed.Tests.Support
open CondEmbed.Reports

let private draw name smooth (points: (float * float) seq) =
    let series = ChartSeries(name, [| for x, y in points -> ChartPoint(x, y) |])
    SvgChart.Draw(Chart("Chart", [| series |], Smooth = smooth)).ToString()

let private coordinates (svg: string) =
    Regex.Matches(svg, "class=\"line\"[^>]* d=\"([^\"]*)\"")
    |> Seq.collect (fun path -> Regex.Matches(path.Groups[1].Value, "([ML])([-0-9.]+) ([-0-9.]+)"))
    |> Seq.map (fun point -> point.Groups[1].Value, float point.Groups[2].Value, float point.Groups[3].Value)
    |> Seq.toList

let tests =
    testList
        "chart"
        [ test "a constant line lies in the middle" {
              for value in [ 0.0; 3.0; -2e-7; 5e8 ] do
                  let points = coordinates (draw "a" false [ 1.0, value; 2.0, value; 3.0, value ])
                  Expect.equal points.Length 3 $"{value}"

                  for _, _, y in points do
                      Expect.isTrue (y > 10.0 && y < 204.0) $"{value} lies at {y}"
          }
          test "a value that is not finite breaks the line and is counted" {
              let svg = draw "a" false [ 1.0, 1.0; 2.0, nan; 3.0, 2.0; 4.0, infinity; 5.0, 3.0; 6.0, 1e300; 7.0, 1.0 ]

              Expect.equal (coordinates svg |> List.map (fun (pen, _, _) -> pen)) [ "M"; "M"; "M"; "M" ] "four strokes"
              Expect.stringContains svg "3 values were not finite" "said"
              Expect.isFalse (Regex.IsMatch(svg, " d=\"[^\"]*(NaN|∞)")) "no such coordinate"
          }
          test "nothing to draw is said" {
              for points in [ []; [ 1.0, nan ] ] do
                  Expect.stringContains (draw "a" true points) "Nothing was logged." "empty"
          }
          test "a single point is drawn, on an axis from the first step to its own" {
              let svg = draw "a" true [ 5.0, 0.5 ]
              Expect.stringContains svg "<circle" "dot"
              let ticks = [ for tick in Regex.Matches(svg, "y=\"223\">([0-9]+)</text>") -> int tick.Groups[1].Value ]
              Expect.equal ticks [ 0..5 ] "steps"
          }
          test "a long line keeps its peak and stays small" {
              let svg = draw "a" false [ for i in 1..20000 -> float i, (if i = 7777 then 10.0 else 1.0) ]

              Expect.isLessThan svg.Length 20000 "characters"
              Expect.equal (coordinates svg |> List.map (fun (_, _, y) -> y) |> List.min |> round) 10.0 "the peak reaches the top"
          }
          test "a running mean leaves a straight line as it is" {
              let line = ChartSeries("a", [| for i in 0..199 -> ChartPoint(float i, 2.0 * float i) |])

              for raw, mean in Seq.zip line.Points (line.RunningMean().Points) do
                  Expect.floatClose Accuracy.high mean.Y raw.Y "mean"
          }
          test "a percentage is never marked outside 0 to 100" {
              let draw values (band: (float * float) list) =
                  let points = [| for i, value in Seq.indexed values -> ChartPoint(float i, value) |]
                  let range = [| for i, (low, high) in Seq.indexed band -> ChartRange(float i, low, high) |]
                  SvgChart.Draw(Chart("Chart", [| ChartSeries("a", points, Band = range) |], IsPercent = true)).ToString()

              for values, band in
                  [ [ 100.0; 100.0 ], []
                    [ 0.0; 0.0 ], []
                    [ 97.0; 99.9 ], [ 90.0, 104.0; 95.0, 107.5 ]
                    [ 3.0; 1.0 ], [ -4.0, 9.0 ] ] do
                  let svg = draw values band
                  let ticks = [ for tick in Regex.Matches(svg, ">([-0-9.]+)%</text>") -> float tick.Groups[1].Value ]
                  Expect.isGreaterThan ticks.Length 1 "ticks"
                  Expect.all ticks (fun tick -> tick >= 0.0 && tick <= 100.0) $"{values}"

                  for _, _, y in coordinates (svg.Replace("class=\"band\"", "class=\"line\"")) do
                      Expect.isTrue (y >= 9.9 && y <= 204.1) $"{values} within the frame"
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
              && scale.Ticks.Count <= 12 ]
