/// What the stored studies show, as the tables and sentences that the pages have to hold.
module CondEmbed.Tests.Evidence

open System
open System.Collections.Concurrent
open System.Globalization
open System.IO
open System.Linq
open System.Text.RegularExpressions
open CondEmbed.Common
open CondEmbed.Evaluation
open CondEmbed.Studies
open CondEmbed.Tests.Support

let private folder = lazy Path.Combine(repositoryRoot (), "tests", "studies")

let named name ending = Path.Combine(folder.Value, name + ending)

let private read = ConcurrentDictionary<string, StudyResults>()

let results name = read.GetOrAdd(name, fun name -> StudyTables.ReadJson(named name ".json"))

let studies () = [ for file in Directory.GetFiles(folder.Value, "*.toml") -> Path.GetFileNameWithoutExtension file ]

let private metrics = [ "recall@1"; "map_at_r" ]

/// A test of the claim: a study, and the study of the frozen features on the same images.
type Claim = { What: string; Short: string; Study: string; Frozen: string option }

let claims =
    let claim what short study frozen = { What = what; Short = short; Study = study; Frozen = frozen }

    [ claim "emoji; small CNN from nothing" "emoji" "emoji" (Some "frozen-emoji")
      claim "emoji, contrastive loss; small CNN from nothing" "emoji with the contrastive loss" "emoji-contrastive" (Some "frozen-emoji")
      claim "omniglot; small CNN from nothing" "omniglot" "omniglot" None
      claim "emoji scenes; the head on a frozen ResNet-18" "emoji scenes" "scenes" (Some "frozen-scenes")
      claim
          "emoji scenes; the last stage and the head of a ResNet-18"
          "emoji scenes with the last stage trained"
          "scenes-layer4"
          (Some "frozen-scenes")
      claim "CUB-200-2011, classes 1-50; the head on a frozen ResNet-50" "CUB" "cub50" (Some "frozen-cub50")
      claim "grocery, 33 classes to train on; the head on a frozen ResNet-50" "grocery" "grocery" (Some "frozen-grocery")
      claim
          "grocery, 21 classes to train on; the head on a frozen ResNet-50"
          "grocery with fewer classes"
          "grocery-half"
          (Some "frozen-grocery") ]

/// Arms that have a second loss or attention, but not the query of the other image.
let controls = [ "second-head", "a second head"; "own-query", "its own query"; "shuffled-query", "a shuffled query" ]

let private mean study arm measured metric = (results study).ValuesOf(arm, measured, metric).Average()

let private found arm against measured metric (differences: PairedDifference seq) =
    differences
    |> Seq.tryFind (fun one ->
        one.Arm = arm
        && one.Measured = measured
        && one.Metric = metric
        && (one.Against = against || against = ""))

let private difference study arm measured metric = (found arm "" measured metric (results study).Differences).Value

let private gain claim metric = difference claim.Study "conditional" StudyMeasures.Chosen metric

let private overControl measured claim metric control = found "conditional" control measured metric (results claim.Study).Controls

/// The interval that holds for all arms of the study at once.
let private held (difference: PairedDifference) = if isNull difference.Corrected then difference.Estimate else difference.Corrected

/// What an arm gains over the baseline on the test classes, where the claim's study has that arm.
let gainOf claim metric arm = found arm "" StudyMeasures.Chosen metric (results claim.Study).Differences |> Option.map held

let private frozenValue name metric = mean name (results name).Arms[0].Name StudyMeasures.Before metric

let private cells (parts: string seq) = "| " + String.Join(" | ", parts) + " |"

/// "a", "a and b", "a, b and c".
let private listed (words: string list) =
    match List.rev words with
    | [] -> "none of them"
    | [ one ] -> one
    | last :: others -> String.concat ", " (List.rev others) + " and " + last

/// The row of a claim and a metric in the first table, here and in the README.
let row claim metric =
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

let private controlled claim = not (Seq.isEmpty (results claim.Study).Controls)

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

/// Where the gain is beyond doubt, where it may be, and where there is none; then the same beside the controls.
let verdict =
    lazy
        (let both test = claims |> List.filter (fun claim -> metrics |> List.forall (gain claim >> held >> test))
         let beyondDoubt = both _.IsGain
         let positive = both (fun one -> Math.Round(100.0 * one.Mean, 2) > 0.0) |> List.except beyondDoubt

         let above control claim =
             metrics
             |> List.forall (fun metric -> (held (overControl StudyMeasures.Chosen claim metric control).Value).IsGain)

         let controlledClaims = List.filter controlled claims

         [ if not beyondDoubt.IsEmpty then $"On {shorts beyondDoubt}, the whole interval lies above zero for both metrics."
           if not positive.IsEmpty then $"On {shorts positive}, the mean gain is positive in both, but an interval includes zero."
           match List.except (beyondDoubt @ positive) claims with
           | [] -> ()
           | others -> $"On {shorts others}, at least one metric shows no gain."
           for control, name in controls do
               $"Conditional is above {name} in both metrics, with the whole interval, on {shorts (List.filter (above control) controlledClaims)}." ])

/// What the studies set out to show.
let aim =
    lazy
        (let reached = claims |> List.filter (fun claim -> (gain claim "map_at_r").Estimate.Mean >= 0.015)
         let kinds = reached |> List.distinctBy (fun claim -> claim.Study.Split('-')[0])
         let where = if kinds.Length < 2 then "only on " else "on "
         $"The aim was a mean gain of 1.5 points in MAP@R on two kinds of data; it was reached {where}{shorts reached}.")

let private lastVerdict () =
    let holds claim =
        metrics
        |> List.forall (fun metric -> (held (difference claim.Study "conditional" StudyMeasures.Last metric)).IsGain)

    $"At the last step, both intervals lie above zero on {shorts (List.filter holds claims)}."

let private common study key = (results study).Common[key]

let private settings () =
    let held = 100.0 * Double.Parse(common "emoji" "validation_share", CultureInfo.InvariantCulture)
    let steps study = common study "steps"

    [ $"""{steps "emoji"} steps on emoji, with {held} %% of the training classes held back for validation."""
      $"""{steps "emoji-contrastive"} steps there with the contrastive loss."""
      $"""{steps "omniglot"} steps on omniglot, at {common "omniglot" "size"} px."""
      $"""{steps "scenes"} steps of the head alone on scenes and {steps "grocery"} on grocery and CUB, which the frozen networks see at {common "scenes" "size"} and {common "grocery" "size"} px; {steps "scenes-layer4"} where the last stage is trained.""" ]

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
          [ "emoji-proxy-anchor", "emoji; small CNN"
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

let private tried () =
    let chosenBy =
        "emoji-sieve emoji-contrastive-sieve emoji-contrastive-controls emoji-mean-sieve emoji-mean omniglot-sieve omniglot-sieve2 omniglot-sieve3 scenes-sieve \
         scenes-layer4-sieve cub50-full-size-sieve cub50-full-size-sieve2 grocery-sieve grocery-weights grocery-half-sieve grocery-half-layer4-sieve grocery-half-s2sd-sieve"

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

let compared = [ for claim in claims -> claim.Study ]

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

    let named = [ for study, arm, by, _ in List.filter better rerankings -> $"`{study}` ({arm}, by {by})" ]
    $"It improved both metrics in {listed named}."

/// Everything on docs/evidence.md that has a number in it.
let expected () =
    [ for claim in claims do
          for metric in metrics do
              row claim metric

              if controlled claim then
                  armRow claim metric
                  controlRow StudyMeasures.Chosen claim metric
                  controlRow StudyMeasures.Last claim metric

          lastRow claim
      yield! verdict.Value
      aim.Value
      lastVerdict ()
      yield! settings ()
      besideFrozen ()
      yield! otherLosses ()
      yield! tried ()
      costRow "small CNN, 64 images of 48 px" "cost-emoji"
      costRow "ResNet-50 from layer4 on, 32 images of 112 px" "cost-grocery"
      yield! List.map rerankedRow rerankings
      rerankedVerdict () ]
