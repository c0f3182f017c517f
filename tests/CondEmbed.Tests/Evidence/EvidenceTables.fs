/// The tables and sentences of the pages that say what the stored studies show.
module CondEmbed.Tests.EvidenceTables

open System
open System.Globalization
open System.Linq
open CondEmbed.Common
open CondEmbed.Evaluation
open CondEmbed.Studies
open CondEmbed.Tests.Evidence

let private cells (parts: string seq) = "| " + String.Join(" | ", parts) + " |"

/// "a", "a and b", "a, b and c".
let private listed (words: string list) =
    match List.rev words with
    | [] -> "none of them"
    | [ one ] -> one
    | last :: others -> String.concat ", " (List.rev others) + " and " + last

/// The row of a claim and a metric in the first table, of docs/evidence.md.
let private row claim metric =
    let frozen =
        claim.Frozen
        |> Option.map (fun name -> Readable.Percent(frozenValue name metric))
        |> Option.defaultValue "-"

    let gain = gain claim metric

    cells
        [ claim.What
          MetricNames.Display metric
          frozen
          Readable.Percent(mean claim.Study "baseline" StudyMeasures.Chosen metric)
          Readable.Percent(mean claim.Study "conditional" StudyMeasures.Chosen metric)
          StudyTables.Gain(held gain)
          string gain.Values.Count ]

/// The gains of a claim over what a table compares it with, or "-" where that was not measured.
let private gains (differences: PairedDifference option list) =
    [ for one in differences -> one |> Option.map (held >> StudyTables.Gain) |> Option.defaultValue "-" ]

let private lastRow claim =
    cells (
        claim.What
        :: gains [ for metric in metrics -> Some(difference claim.Study "conditional" StudyMeasures.Last metric) ]
    )

let private controlRow measured claim metric =
    cells (
        claim.What
        :: MetricNames.Display metric
        :: gains [ for control, _ in controls -> overControl measured claim metric control ]
    )

let private armRow claim metric =
    let ofArm (arm, _) = found arm "" StudyMeasures.Chosen metric (results claim.Study).Differences
    cells (claim.What :: MetricNames.Display metric :: gains (List.map ofArm controls))

let private shorts claims = listed [ for claim in claims -> claim.Short ]

/// In which metrics an interval lies above zero.
let private above (difference: string -> PairedDifference option) =
    match metrics |> List.filter (difference >> Option.exists (fun one -> (held one).IsGain)) with
    | [] -> "-"
    | [ one ] -> MetricNames.Display one
    | _ -> "both"

/// In which metrics conditional is above a control; where the encoder is frozen, a second head shares nothing that is trained.
let private aboveControl claim (control, _) =
    let exactlyBaseline metric =
        found control "" StudyMeasures.Chosen metric (results claim.Study).Differences
        |> Option.exists (fun one -> one.Values |> Seq.forall ((=) 0.0))

    if List.forall exactlyBaseline metrics then
        "no effect"
    else
        above (fun metric -> overControl StudyMeasures.Chosen claim metric control)

/// In which metrics conditional is above the baseline and above each control.
let private marks claim = above (gain claim >> Some) :: List.map (aboveControl claim) controls

let private markRow claim = cells (claim.What :: marks claim)

/// The row of a claim in the README's table.
let private summaryRow claim =
    let both metric =
        let of' arm = Readable.Percent(mean claim.Study arm StudyMeasures.Chosen metric)
        [ $"""{of' "baseline"}, {of' "conditional"}"""; StudyTables.Gain(held (gain claim metric)) ]

    cells
        [ claim.What
          yield! List.collect both metrics
          yield! (marks claim).Tail
          string (gain claim "recall@1").Values.Count ]

/// What the studies set out to show, and where they did: so many kinds of data for each part of it.
let aim =
    lazy
        (let where wanted found =
            let kinds = found |> List.distinctBy (fun claim -> claim.Study.Split('-')[0])
            (if List.length kinds < wanted then "not met, only on " else "met, on ") + shorts found

         let gains = claims |> List.filter (fun claim -> (marks claim).Head = "both")
         let large = claims |> List.filter (fun claim -> (gain claim "map_at_r").Estimate.Mean >= 0.015)

         let alone =
             gains
             |> List.filter (fun claim -> (marks claim).Tail |> List.forall (fun mark -> mark = "both" || mark = "no effect"))

         "The aim had three parts. A gain in both metrics with the whole interval, on three kinds of data: "
         + $"{where 3 gains}. A mean gain of 1.5 points in MAP@R on two: {where 2 large}. Above every control in both metrics on one: {where 1 alone}.")

let private lastVerdict () =
    let last claim = difference claim.Study "conditional" StudyMeasures.Last
    let holds claim = metrics |> List.forall (fun metric -> (held (last claim metric)).IsGain)
    let isLarge claim = (held (last claim MetricNames.MapAtR)).Mean >= 0.015

    $"At the last step, both intervals lie above zero on {shorts (List.filter holds claims)}; the mean gain in MAP@R is 1.5 points or more on {shorts (List.filter isLarge claims)}."

let private common study key = (results study).Common[key]

let private settings () =
    let held = 100.0 * Double.Parse(common "emoji" "validation_share", CultureInfo.InvariantCulture)
    let steps study = common study "steps"

    [ $"""{steps "emoji"} steps on emoji, with {held} %% of the training classes held back for validation."""
      $"""{steps "omniglot"} steps on omniglot, at {common "omniglot" "size"} px."""
      $"""{steps "scenes"} steps of the head alone on scenes and {steps "grocery"} on grocery and CUB, which the frozen networks see at {common "scenes" "size"} and {common "grocery" "size"} px; {steps "scenes-layer4"} where the last stage is trained, {steps "emoji-layer4"} on single emoji, {steps "cub50-layer4"} on CUB.""" ]

/// Where both arms end below or above the frozen features, by Recall@1.
let private besideFrozen () =
    let compared =
        [ for claim in claims do
              match claim.Frozen with
              | Some frozen ->
                  let frozen = frozenValue frozen "recall@1"

                  claim.Short,
                  [ for arm in [ "baseline"; "conditional" ] -> sign (mean claim.Study arm StudyMeasures.Chosen "recall@1" - frozen) ]
              | None -> () ]

    let where direction =
        listed
            [ for name, signs in compared do
                  if List.forall ((=) direction) signs then name ]

    $"In Recall@1 both arms end below the frozen features on {where -1}, and above them on {where 1}."

let private otherLosses () =
    [ for study, what in
          [ "emoji-contrastive", "emoji; small CNN"
            "emoji-proxy-anchor", "emoji; small CNN"
            "grocery-half-proxy-anchor", "grocery, 21 classes; head"
            "grocery-half-contrastive", "grocery, 21 classes; head" ] do
          let found = results study

          let level =
              match found.Common.TryGetValue "level_loss" with
              | true, other -> other
              | _ -> found.Common["loss"]

          let gains = [ for metric in metrics -> difference study "conditional" StudyMeasures.Chosen metric ]

          cells
              [ what
                found.Common["loss"]
                level
                found.Common["steps"]
                string gains[0].Values.Count
                yield! [ for one in gains -> StudyTables.Gain one.Estimate ] ] ]

/// What each arm of a study gains over the baseline, and over the others that it is compared with.
let private gainsOf study =
    let found = results study

    Seq.append found.Differences found.Controls
    |> Seq.filter (fun one -> one.Measured = StudyMeasures.Chosen)
    |> Seq.groupBy (fun one -> one.Arm, one.Against)
    |> Seq.map (fun ((arm, other), both) ->
        let gain metric = both |> Seq.find (fun one -> one.Metric = metric) |> held |> StudyTables.Gain
        cells [ $"`{arm}`"; $"`{other}`"; yield! List.map gain metrics; string (Seq.head both).Values.Count ])
    |> List.ofSeq

let private tried () =
    let chosenBy =
        "emoji-sieve emoji-contrastive-sieve emoji-contrastive-controls emoji-mean-sieve emoji-mean emoji-layer4-sieve omniglot-sieve omniglot-sieve2 omniglot-sieve3 scenes-sieve \
         scenes-layer4-sieve cub50-full-size-sieve cub50-full-size-sieve2 cub50-layer4-sieve grocery-sieve grocery-weights grocery-half-sieve grocery-half-layer4-sieve grocery-half-s2sd-sieve"

    [ for study in chosenBy.Split ' ' do
          let found = results study

          for arm in found.Arms do
              if arm.Name <> found.Baseline then
                  let gains =
                      [ for measured in [ StudyMeasures.Validation; StudyMeasures.Chosen ] do
                            for metric in metrics -> difference study arm.Name measured metric ]

                  cells
                      [ study.Replace("-sieve", "")
                        $"`{arm.Name}`"
                        string gains[0].Values.Count
                        yield! [ for one in gains -> StudyTables.Gain one.Estimate ] ] ]

let private costRow what name =
    let arm = (results name).Arms |> Seq.find (fun arm -> arm.Name = "conditional")
    let ratio (estimate: Estimate) = estimate.Mean.ToString("0.00", CultureInfo.InvariantCulture)

    cells
        [ what
          ratio arm.TimeRatio
          ratio arm.MemoryRatio
          Readable.Count arm.TrainingParameters
          Readable.Count arm.TestParameters ]

/// What re-ranked: a study, an arm, and what of it.
let private rerankings =
    let levels, cosine = StudyMeasures.Reranked 100, StudyMeasures.RerankedByCosine(100, 0.2)

    [ "emoji", "conditional", "its levels", levels
      "grocery-rerank", "conditional", "its levels", levels
      "grocery-rerank", "conditional", "cosine attention", cosine
      "grocery-rerank", "baseline", "cosine attention", cosine ]

let private rerankedRow (study, arm, by, reranked) =
    let values metric = [ for measured in [ StudyMeasures.Chosen; reranked ] -> Readable.Percent(mean study arm measured metric) ]
    let time = Readable.Number(mean study arm reranked StudyMeasures.RerankingTime, 2)
    cells ([ study; arm; by ] @ values "recall@1" @ values "map_at_r" @ [ $"{time} ms" ])

let private rerankedVerdict () =
    let better (study, arm, _, reranked) =
        metrics
        |> List.forall (fun metric -> mean study arm reranked metric > mean study arm StudyMeasures.Chosen metric)

    $"It improved both metrics in {(List.filter better rerankings).Length} of the {rerankings.Length} rows below."

/// A table of a page: the beginning of its header, how many with the same one come before it, and its rows.
type Table = { Page: string; Header: string; Before: int; Rows: string list }

let private page = "docs/evidence.md"

let private ofMetrics row claims =
    [ for claim in claims do
          for metric in metrics -> row claim metric ]

let tables () =
    let table page header before rows = { Page = page; Header = header; Before = before; Rows = rows }
    let ofControls = table page "| data and network | metric | a second head |"

    [ table "README.md" "| data and network | Recall@1:" 0 (List.map summaryRow claims)
      table page "| data and network | metric | frozen features |" 0 (ofMetrics row claims)
      table page "| data and network | Recall@1 | MAP@R |" 0 (List.map lastRow claims)
      ofControls 0 (ofMetrics armRow claims)
      ofControls 1 (ofMetrics (controlRow StudyMeasures.Chosen) claims)
      ofControls 2 (ofMetrics (controlRow StudyMeasures.Last) claims)
      table page "| data and network | the baseline |" 0 (List.map markRow claims)
      table page "| data and network | loss |" 0 (otherLosses ())
      table page "| arm | compared with |" 0 (gainsOf "grocery-half-s2sd")
      table page "| study | arm | seeds |" 0 (tried ())
      table
          page
          "| network and batch |"
          0
          [ costRow "small CNN, 64 images of 48 px" "cost-emoji"
            costRow "ResNet-50 from layer4 on, 32 images of 112 px" "cost-grocery" ]
      table page "| study | arm | re-ranked by |" 0 (List.map rerankedRow rerankings) ]

/// Every sentence of docs/evidence.md that has a number in it, or says of which data something holds.
let sentences () = [ aim.Value; lastVerdict (); yield! settings (); besideFrozen (); rerankedVerdict () ]

/// The lines of a page before the rows of a table, the rows, and those after it.
let private split table (lines: string list) =
    let header =
        [ for number, line in List.indexed lines do
              if line.StartsWith(table.Header, StringComparison.Ordinal) then number ]
        |> List.item table.Before

    let above, below = List.splitAt (header + 2) lines
    let rows = below |> List.takeWhile _.StartsWith('|')
    above, rows, List.skip rows.Length below

let private linesOf (text: string) = List.ofArray (text.Split '\n')

/// The rows of a table as a page's text has them.
let rowsIn (text: string) table =
    let _, rows, _ = split table (linesOf text)
    rows

/// The text with the table's rows as the results give them.
let filled (text: string) table =
    let above, _, below = split table (linesOf text)
    String.concat "\n" (above @ table.Rows @ below)
