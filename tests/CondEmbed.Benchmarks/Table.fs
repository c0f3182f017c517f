/// Results for people: a table of Markdown.
module CondEmbed.Benchmarks.Table

open System
open System.Globalization
open CondEmbed.Health

let private number (format: string) (value: float) = value.ToString(format, CultureInfo.InvariantCulture)

/// A measure with a unit that suits its size.
let amount (unit': string) (value: float) =
    let steps =
        if unit' = "B" then
            [ 1073741824.0, "GiB"; 1048576.0, "MiB"; 1024.0, "KiB"; 1.0, "B" ]
        else
            [ 1.0, "s"; 1e-3, "ms"; 1e-6, "µs"; 1e-9, "ns" ]

    let size, name = steps |> List.tryFind (fun (size, _) -> abs value >= size) |> Option.defaultValue (List.last steps)
    $"""{number "G3" (value / size)} {name}"""

let private goal (ratio: Results.Ratio) =
    if not ratio.AtMost.HasValue then
        ""
    else
        let mark = if ratio.Value.Median <= ratio.AtMost.Value then "✓" else "✗"
        $""" (at most {number "0.##" ratio.AtMost.Value} {mark})"""

let private names (row: Results.Row) = row.Measures |> Array.map _.Name |> Array.distinct

let private measures (row: Results.Row) =
    [ for one in row.Measures ->
          let what = if one.Name = "seconds" || one.Name = "bytes" then "" else $" {one.Name}"
          $"{one.Contestant}{what} {amount one.Unit one.Value.Median}" ]
    |> String.concat ", "

let private ratios (row: Results.Row) =
    [ for one in row.Ratios ->
          let what = if one.Name = "seconds" || (names row).Length = 1 then "" else $", {one.Name},"
          $"""{number (if one.Value.Median < 0.1 then "G2" else "0.00") one.Value.Median}{what} of {one.Over}{goal one}""" ]
    |> String.concat "; "

/// A line of the table.
let line (row: Results.Row) = $"| {row.Name} | {row.What} | {measures row} | {ratios row} |"

/// All of a run.
let markdown (run: Results.Run) =
    let head =
        [ $"{Machine.line run.Machine} · {run.Threads} threads · {run.Date}"
          ""
          "| benchmark | work | measured | ratio |"
          "| --- | --- | --- | --- |" ]

    head @ [ for row in run.Rows -> line row ] |> String.concat "\n"
