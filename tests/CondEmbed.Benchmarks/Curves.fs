/// A picture of the rows that say how work grows: time and memory over its size, both by logarithms, so that what is linear rises as the dotted line does.
module CondEmbed.Benchmarks.Curves

open System
open System.Globalization
open ScottPlot

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

let private ticks (places: float seq) (text: float -> string) =
    let known = places |> Seq.distinct |> Seq.sort |> Array.ofSeq
    TickGenerators.NumericManual(Array.map log10 known, Array.map text known)

/// Round numbers of each unit about the values.
let private roundNumbers unit' (values: float array) =
    let units = if unit' = "B" then [ for power in 0..3 -> 1024.0 ** float power ] else [ 1e-6; 1e-3; 1.0 ]
    let least, most = Array.min values / 1.5, Array.max values * 1.5

    [ for unit in units do
          for share in [ 1.0; 2.0; 5.0; 10.0; 20.0; 50.0; 100.0; 200.0; 500.0 ] do
              if share * unit > least && share * unit < most then share * unit ]

let private draw (row: string, measure: string) (curves: Curve list) (plot: Plot) =
    let all =
        [| for curve in curves do
               yield! curve.Points |]

    let unit' = if measure.Contains "bytes" then "B" else "s"

    for curve in curves do
        let line = plot.Add.Scatter(Array.map (fst >> log10) curve.Points, Array.map (snd >> log10) curve.Points)
        line.LegendText <- curve.Name
        line.LineWidth <- 2f

    let first, last = Array.minBy fst all, Array.maxBy fst all
    let rise = log10 (fst last) - log10 (fst first)
    let linear = plot.Add.Line(log10 (fst first), log10 (snd first), log10 (fst last), log10 (snd first) + rise)
    linear.LinePattern <- LinePattern.Dotted
    linear.LineColor <- Colors.Gray
    linear.LegendText <- "linear"

    plot.Title $"{row}, {measure}"
    plot.Axes.Bottom.TickGenerator <- ticks (Seq.map fst all) (fun size -> size.ToString("N0", CultureInfo.InvariantCulture))
    plot.Axes.Left.TickGenerator <- ticks (roundNumbers unit' (Array.map snd all)) (Table.amount unit')
    plot.ShowLegend Edge.Right |> ignore

/// Writes a PNG with a chart for each row and measure. InputException where there is no such row, or the file cannot be written.
let write (path: string) (run: Results.Run) =
    match curves run with
    | [] -> raise (CondEmbed.InputException "--curves: these results have no row named scaling.*, and only those are drawn.")
    | some ->
        let picture = new Multiplot()
        picture.AddPlots some.Length
        picture.Layout <- MultiplotLayouts.Grid((some.Length + 1) / 2, 2)
        some |> List.iteri (fun place (named, curves) -> draw named curves (picture.GetPlot place))

        Results.writing path (fun fresh -> picture.SavePng(fresh, 1200, 400 * ((some.Length + 1) / 2)) |> ignore)
