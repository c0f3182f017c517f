/// Whether what a process holds stays flat.
module CondEmbed.Checks.Growth

open System

/// What a process held at a moment: bytes in memory, open files, threads, and files in its folder for temporary ones.
type Sample = { Seconds: float; Memory: float; Handles: float; Threads: float; Files: float }

/// What the straight line through the points of the second half of the time gains within that half; 0 for fewer than two points.
let overSecondHalf (points: (float * float) list) =
    let times = List.map fst points
    let half = if points.IsEmpty then 0.0 else (List.min times + List.max times) / 2.0
    let late = points |> List.filter (fun (time, _) -> time >= half)
    let spread = late |> List.map fst |> fun late -> if late.Length < 2 then 0.0 else List.max late - List.min late

    if spread = 0.0 then
        0.0
    else
        let meanTime, mean = List.averageBy fst late, List.averageBy snd late
        let above = late |> List.sumBy (fun (time, value) -> (time - meanTime) * (value - mean))
        let below = late |> List.sumBy (fun (time, _) -> (time - meanTime) ** 2.0)
        spread * above / below

/// Memory may gain 32 MiB or a twentieth of itself in the second half, whichever is more: so much a garbage collector sways. Threads eight: so many the pool tries out.
let private measures =
    [ "memory", (fun sample -> sample.Memory), (fun last -> max (32.0 * 1048576.0) (last / 20.0))
      "handles", _.Handles, (fun _ -> 2.0)
      "threads", _.Threads, (fun _ -> 8.0)
      "temporary files", _.Files, (fun _ -> 2.0) ]

let private text name (value: float) = if name = "memory" then $"{value / 1048576.0:F0} MiB" else $"{value:F0}"

/// Whether all stayed flat; what there was at the end and what was gained, in words and in numbers.
let verdict (samples: Sample list) =
    let found =
        [ for name, of', limit in measures do
              let points = [ for sample in samples -> sample.Seconds, of' sample ]
              let last = points |> List.last |> snd
              let gained = overSecondHalf points
              name, last, gained, gained <= limit last ]

    let said =
        [ for name, last, gained, isFlat in found ->
              let sign = if gained < 0.0 then "-" else "+"
              $"""{name} {text name last} ({sign}{text name (abs gained)}{if isFlat then "" else ", NOT FLAT"})""" ]

    found |> List.forall (fun (_, _, _, isFlat) -> isFlat),
    String.concat ", " said,
    [ for name, last, gained, _ in found do
          name, last
          $"{name} gained", gained ]

/// The value that a share of some values is at most.
let percentile (share: float) (values: float array) =
    if values.Length = 0 then
        nan
    else
        let sorted = Array.sort values
        sorted[min (sorted.Length - 1) (int (share * float sorted.Length))]
