/// The gains of the stored studies as one drawing: a line for each arm, a panel for each metric.
module CondEmbed.Tests.EvidencePicture

open System
open System.Globalization
open System.Security
open CondEmbed.Common
open CondEmbed.Evaluation
open CondEmbed.Studies
open CondEmbed.Tests.Evidence

let private width, left, gap, top, line, band = 960.0, 318.0, 24.0, 74.0, 11.0, 62.0
let private panel = (width - left - gap - 20.0) / 2.0

/// Where a panel begins, and the points at its ends.
type private Panel = { Start: float; From: float; To: float }

let private arms =
    [ "conditional", "conditional", "#3b4cca"
      "second-head", "a second head", "#c2571a"
      "own-query", "its own query", "#1f8a5b"
      "shuffled-query", "a shuffled query", "#8a5bb5" ]

let private number (value: float) = value.ToString("0.#", CultureInfo.InvariantCulture)

let private text size weight anchor colour x y (words: string) =
    $"""<text x="{number x}" y="{number y}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{colour}">{SecurityElement.Escape words}</text>"""

let private at panel' points = panel'.Start + (points - panel'.From) / (panel'.To - panel'.From) * panel

let private vertical colour x height = $"""<path d="M{number x} {number (top - 8.0)}V{number height}" stroke="{colour}"/>"""

/// Every whole step between the ends, with the zero darker; and the metric above it.
let private axis metric height panel' =
    let step = if panel'.To - panel'.From > 8.0 then 2.0 else 1.0

    [ text 14 600 "middle" "#1d2330" (panel'.Start + panel / 2.0) 46.0 $"gain in {MetricNames.Display metric}, points"
      for points in panel'.From .. step .. panel'.To do
          let x = at panel' points
          vertical (if points = 0.0 then "#8d94a1" else "#e6e8ee") x height
          text 11 400 "middle" "#5b6270" x (height + 16.0) ((if points > 0.0 then "+" else "") + number points) ]

let private interval panel' colour y (estimate: Estimate) =
    let x value = number (at panel' (100.0 * value))

    [ $"""<path d="M{x estimate.Low} {number y}H{x estimate.High}" stroke="{colour}" stroke-width="2.2" stroke-linecap="round"/>"""
      $"""<circle cx="{x estimate.Mean}" cy="{number y}" r="3.6" fill="{colour}"/>""" ]

let private ends metric =
    let all =
        [ for claim in claims do
              for arm, _, _ in arms do
                  yield! Option.toList (gainOf claim metric arm) ]

    let least = all |> List.map (fun (one: Estimate) -> 100.0 * one.Low) |> List.min
    let most = all |> List.map (fun one -> 100.0 * one.High) |> List.max
    2.0 * floor (least / 2.0), 2.0 * ceil (most / 2.0)

let private panels =
    [ for place, metric in List.indexed [ "recall@1"; "map_at_r" ] do
          let least, most = ends metric
          metric, { Start = left + float place * (panel + gap); From = least; To = most } ]

let private row place claim =
    let y = top + float place * band

    let data, network =
        match claim.What.Split("; ", 2) with
        | [| data; network |] -> data, network
        | _ -> claim.What, ""

    [ if place % 2 = 0 then
          $"""<rect x="12" y="{number (y - 6.0)}" width="{number (width - 24.0)}" height="{number band}" rx="6" fill="#f6f7fa"/>"""
      text 13 600 "start" "#1d2330" 24.0 (y + 20.0) data
      text 12 400 "start" "#5b6270" 24.0 (y + 37.0) network ]

let private marks place claim =
    [ for metric, panel' in panels do
          for order, (arm, _, colour) in List.indexed arms do
              match gainOf claim metric arm with
              | Some estimate -> yield! interval panel' colour (top + float place * band + 8.0 + float order * line) estimate
              | None -> () ]

let private legend =
    [ for place, (_, name, colour) in List.indexed arms do
          let x = 24.0 + 150.0 * float place
          $"""<circle cx="{number x}" cy="20" r="4.5" fill="{colour}"/>"""
          text 13 400 "start" "#1d2330" (x + 10.0) 24.5 name ]

let drawing =
    lazy
        (let height = top + float claims.Length * band - 4.0

         let title =
             "What each arm gains over the baseline, in points, with its 95 % interval, corrected for the arms of its study. The numbers are in docs/evidence.md."

         [ $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number width} {number (height + 28.0)}" width="{number width}" height="{number (height + 28.0)}" font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" role="img" aria-labelledby="title">"""
           $"""<title id="title">{title}</title>"""
           $"""<rect width="{number width}" height="{number (height + 28.0)}" rx="14" fill="#ffffff"/>"""
           yield! legend
           yield! List.indexed claims |> List.collect (fun (place, claim) -> row place claim)
           for metric, panel' in panels do
               yield! axis metric height panel'
           yield! List.indexed claims |> List.collect (fun (place, claim) -> marks place claim)
           "</svg>"
           "" ]
         |> String.concat "\n")
