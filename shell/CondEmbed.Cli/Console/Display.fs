/// What a terminal shows while the program works, as lines that fit its width.
module CondEmbed.Cli.Display

open System
open CondEmbed.Common
open CondEmbed.Datasets
open CondEmbed.Evaluation

/// What a piece of a line is, which decides its colour.
type Role =
    | Plain
    | Phase
    | Done
    | Left
    | Dim

type Line = (Role * string) list

let private lengthOf (line: Line) = line |> List.sumBy (fun (_, text) -> text.Length)

let private gap = 2

/// Parts in order, each with its priority (0 is the most important): as many as fit, leaving out the least important first.
let rec private fitting width (parts: (int * string) list) =
    let parts = parts |> List.filter (fun (_, text) -> text <> "")
    let length = (parts |> List.sumBy (fun (_, text) -> text.Length)) + gap * (parts.Length - 1)

    if length <= width || parts.Length <= 1 then
        List.map snd parts
    else
        let least = parts |> List.map fst |> List.max
        let at = parts |> List.findIndexBack (fun (matter, _) -> matter = least)
        fitting width (List.removeAt at parts)

let private cut width (text: string) = if text.Length <= width then text else text.Substring(0, max 0 (width - 1)) + "…"

let private count (at: RunProgress) =
    match at.Step, at.Steps with
    | 0, 0 -> ""
    | step, steps when steps <= 0 -> Readable.Count step
    | step, steps -> $"{Readable.Count step}/{Readable.Count steps}"

let private bar width share isUnicode : Line =
    let full, empty = if isUnicode then "━", "─" else "=", "-"
    let filled = int (Math.Round(share * float width))
    [ Done, String.replicate filled full; Left, String.replicate (width - filled) empty ]

let private narrowestBar, widestBar = 8, 40

let private firstLine width isUnicode (at: RunProgress) : Line =
    let left = if at.Remaining.HasValue && not at.IsLast then $"{Readable.Duration at.Remaining.Value} left" else ""
    let percent = if at.Steps > 0 then $"{int (100.0 * at.Share)}%%" else ""
    let phase = cut width at.Phase
    let room = width - phase.Length - gap - (if at.Steps > 0 then narrowestBar + gap else 0)
    let told = [ 2, count at; 0, percent; 3, (ProgressText.Pace at).Trim(); 1, left ]
    let told = if room > 0 then String.Join("  ", fitting room told) else ""
    let told = if told.Length <= room then told else ""
    let forBar = width - phase.Length - gap - (if told = "" then 0 else told.Length + gap)

    [ Phase, phase
      if at.Steps > 0 && forBar >= narrowestBar then
          Plain, "  "
          yield! bar (min widestBar forBar) at.Share isUnicode
      if told <> "" then Plain, "  " + told ]

let private secondLine width (at: RunProgress) best : Line list =
    if not at.Loss.HasValue then
        [ if not (String.IsNullOrEmpty at.Detail) then [ Dim, cut width at.Detail ] ]
    else
        let total = $"loss {Readable.Number at.Loss.Value}"
        let all = ProgressText.Loss at
        let terms = if all.Contains '(' then all.Substring(all.IndexOf '(') else ""
        let rate = if at.LearningRate.HasValue then $"lr {Readable.Number(at.LearningRate.Value, 3)}" else ""
        [ [ Dim, cut width (String.Join("  ", fitting width [ 0, total; 2, terms; 3, rate; 1, best ])) ] ]

/// The lines for work in progress, none longer than the width: a phase with its bar, pace and the time left, and below it the loss and the best so far.
let underWay (width: int) isUnicode (best: string) (at: RunProgress) : Line list =
    firstLine width isUnicode at :: secondLine width at best
    |> List.map (fun line -> if lengthOf line <= width then line else [ Plain, cut width (String.Join("", List.map snd line)) ])

/// The one line that a phase leaves behind.
let finished (width: int) (at: RunProgress) =
    let loss = if at.Loss.HasValue then $"loss {Readable.Number at.Loss.Value}" else ""

    fitting width [ 0, at.Phase; 1, count at; 3, loss; 4, (ProgressText.Pace at).Trim(); 2, Readable.Duration at.Elapsed ]
    |> fun parts -> cut width (String.Join("  ", parts))

/// The best validation so far, as text.
let bestSoFar (value: float) (step: int) =
    $"best {MetricNames.Display MetricNames.MapAtR} {Readable.Percent value} at {Readable.Count step}"
