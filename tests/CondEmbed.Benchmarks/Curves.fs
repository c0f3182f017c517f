/// An image of the rows that say how work grows: time and memory over its size, both by logarithms, so that what is linear rises as the dotted line does.
module CondEmbed.Benchmarks.Curves

open System
open System.Globalization
open System.IO
open CondEmbed.Common

/// A series of points of one row, (size, value) by rising size.
type private Curve = { Name: string; Points: (float * float) array }

let private whole (text: string) =
    match Int64.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
    | true, size -> Some(float size)
    | _ -> None

/// 'nearest 512' or 'T = 36': what it is, and its size.
let private sized (text: string) =
    let words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
    let named = words |> Array.filter (fun word -> word <> "=")
    whole words[words.Length - 1] |> Option.map (fun size -> named[0], size)

/// The curves of all rows: the row, the measure, and its series.
let private curves (run: Results.Run) =
    [ for row in run.Rows do
          if row.Name.StartsWith("scaling.", StringComparison.Ordinal) then
              for measure in row.Measures do
                  match sized measure.Contestant with
                  | Some(series, size) -> (row.Name, measure.Name), (series, (size, measure.Value.Median))
                  | None -> () ]
    |> List.groupBy fst
    |> List.map (fun (named, points) ->
        named,
        [ for series, points in points |> List.map snd |> List.groupBy fst ->
              { Name = series
                Points = [| for _, point in points -> point |] |> Array.filter (fun (_, value) -> value > 0.0) |> Array.sort } ])

/// Round numbers of each unit about the values.
let private roundNumbers unit' (values: float array) =
    let units = if unit' = "B" then [ for power in 0..3 -> 1024.0 ** float power ] else [ 1e-6; 1e-3; 1.0 ]
    let least, most = Array.min values / 1.5, Array.max values * 1.5

    [ for unit in units do
          for share in [ 1.0; 2.0; 5.0; 10.0; 20.0; 50.0; 100.0; 200.0; 500.0 ] do
              if share * unit > least && share * unit < most then share * unit ]

let private colours = [ "#4150d0"; "#d2691e"; "#0b8285"; "#b0307c" ]

/// A chart of 560 by 360 whose upper left corner is at x, y.
let private draw (x: int, y: int) ((row: string, measure: string), curves: Curve list) =
    let all =
        [| for curve in curves do
               yield! curve.Points |]

    let first, last = Array.minBy fst all, Array.maxBy fst all
    let unit' = if measure.Contains "bytes" then "B" else "s"
    let rising = snd first * fst last / fst first
    let heights = Array.append (Array.map snd all) [| rising |]
    let place least most from upTo value = from + (log10 value - log10 least) / max 1e-9 (log10 most - log10 least) * (upTo - from)

    let across =
        place (fst first) (fst last) 70.0 430.0
        >> fun at -> at.ToString("0.#", CultureInfo.InvariantCulture)

    let up =
        place (Array.min heights) (Array.max heights) 310.0 50.0
        >> fun at -> at.ToString("0.#", CultureInfo.InvariantCulture)

    let path points = points |> Seq.map (fun (size, value) -> $"{across size},{up value}") |> String.concat " "
    let line style points = $"<polyline fill='none' {style} points='{path points}'/>"

    [ $"<g transform='translate({x} {y})'><text x='250' y='25' text-anchor='middle' font-weight='bold'>{row}, {measure}</text>"
      for size in Seq.distinct (Seq.map fst all) do
          let text = size.ToString("N0", CultureInfo.InvariantCulture)
          $"<path stroke='#ddd' d='M{across size} 50V310'/><text x='{across size}' y='330' text-anchor='middle'>{text}</text>"
      for value in
          roundNumbers unit' (Array.map snd all)
          |> List.filter (fun value -> value >= Array.min heights && value <= Array.max heights) do
          $"<path stroke='#ddd' d='M70 {up value}H430'/><text x='64' y='{up value}' dy='4' text-anchor='end'>{Table.amount unit' value}</text>"
      for number, (curve, colour) in Seq.indexed (Seq.zip curves colours) do
          line $"stroke='{colour}' stroke-width='2'" curve.Points
          $"<text x='445' y='{60 + 20 * number}' fill='{colour}'>{curve.Name}</text>"
      line "stroke='#888' stroke-dasharray='2 4'" [ first; fst last, rising ]
      $"<text x='445' y='{60 + 20 * curves.Length}' fill='#888'>linear</text></g>" ]

/// Writes an SVG with a chart for each row and measure. InputException where there is no such row, or the file cannot be written.
let write (path: string) (run: Results.Run) =
    match curves run with
    | [] -> raise (CondEmbed.Common.InputException "--curves: these results have no row named scaling.*, and only those are drawn.")
    | some ->
        let charts = some |> List.indexed |> List.collect (fun (at, chart) -> draw (at % 2 * 560, at / 2 * 360) chart)

        let head =
            $"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1120 {360 * ((some.Length + 1) / 2)}' font-family='sans-serif' font-size='13'>"

        Results.writing path (fun fresh ->
            File.WriteAllLines(fresh, head :: "<rect width='100%' height='100%' fill='#fff'/>" :: charts @ [ "</svg>" ]))
