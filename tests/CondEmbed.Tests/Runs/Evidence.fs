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

/// A test of the claim: a study, what it measured, and the study of the frozen features on the same images.
type Claim = { What: string; Short: string; Study: string; Measured: string; Frozen: string option }

let claims =
    let claim what short study measured frozen = { What = what; Short = short; Study = study; Measured = measured; Frozen = frozen }

    [ claim "emoji; small CNN from nothing" "emoji" "emoji" StudyMeasures.Chosen (Some "frozen-emoji")
      claim "emoji scenes; the CNN after single emoji" "emoji scenes" "scenes" StudyMeasures.Chosen None
      claim "the same, tested on single emoji" "single emoji (after training on scenes)" "scenes" "emoji-singles" None
      claim "CUB-200-2011, classes 1-50; ResNet-50" "CUB" "cub50" StudyMeasures.Chosen (Some "frozen-cub50")
      claim "grocery, 81 classes; ResNet-50" "grocery" "grocery" StudyMeasures.Chosen (Some "frozen-grocery") ]

let private mean study arm measured metric = (results study).ValuesOf(arm, measured, metric).Average()

let private difference study arm measured metric =
    (results study).Differences
    |> Seq.find (fun one -> one.Arm = arm && one.Measured = measured && one.Metric = metric)

let private gain claim metric = difference claim.Study "conditional" claim.Measured metric

let private lastGain claim metric =
    let measured = if claim.Measured = StudyMeasures.Chosen then StudyMeasures.Last else $"{claim.Measured}, last step"
    (difference claim.Study "conditional" measured metric).Estimate

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
    let better = gain.Values |> Seq.filter (fun value -> value > 0.0) |> Seq.length

    cells
        [ claim.What
          MetricNames.Display metric
          frozen
          Readable.Percent(mean claim.Study "baseline" claim.Measured metric)
          Readable.Percent(mean claim.Study "conditional" claim.Measured metric)
          StudyTables.Gain gain.Estimate
          $"{better} of {gain.Values.Count}" ]

let private lastRow claim = cells (claim.What :: [ for metric in metrics -> StudyTables.Gain(lastGain claim metric) ])

/// In three sentences: where the gain is beyond doubt, where it may be, and where there is none.
let verdict =
    lazy
        (let both test = claims |> List.filter (fun claim -> metrics |> List.forall (gain claim >> _.Estimate >> test))
         let beyondDoubt = both _.IsGain
         let positive = both (fun one -> Math.Round(100.0 * one.Mean, 2) > 0.0) |> List.except beyondDoubt
         let names = List.map _.Short >> listed

         [ $"On {names beyondDoubt}, the whole interval lies above zero for both metrics."
           $"On {names positive}, the mean gain is positive but an interval includes zero."
           $"On {names (claims |> List.except (beyondDoubt @ positive))}, there is no gain." ])

let private lastVerdict () =
    let holds claim = metrics |> List.forall (fun metric -> (lastGain claim metric).IsGain)
    $"At the last step, both intervals lie above zero only on {listed [ for claim in List.filter holds claims -> claim.Short ]}."

let private common study key = (results study).Common[key]

let private planned study key = Regex.Match(File.ReadAllText(named study ".toml"), $"""(?m)^{key} = "?(.*?)"?$""").Groups[1].Value

let private settings () =
    let held = 100.0 * Double.Parse(common "emoji" "validation_share", CultureInfo.InvariantCulture)

    let photographs = [ "cub50"; "grocery" ]
    let size = photographs |> List.map (fun study -> common study "size") |> List.distinct |> List.exactlyOne
    let resized = photographs |> List.map (fun study -> planned study "resize") |> List.distinct |> List.exactlyOne

    [ $"""{common "emoji" "steps"} steps on emoji, with {held} %% of the training classes held back for validation; {common "scenes" "steps"} on scenes."""
      $"""{common "cub50" "steps"} steps on CUB and {common "grocery" "steps"} on grocery, of a ResNet-50 at {size} px with all but its last stage frozen."""
      $"Test images were resized to {resized} px and cut to the centre {size}, so a bird may have lost its head." ]

/// Where both arms end below or above the frozen features, by Recall@1.
let private besideFrozen () =
    let compared =
        [ for claim in claims do
              match claim.Frozen with
              | Some frozen ->
                  let frozen = frozenValue frozen "recall@1"

                  claim.Short,
                  [ for arm in [ "baseline"; "conditional" ] -> sign (mean claim.Study arm claim.Measured "recall@1" - frozen) ]
              | None -> () ]

    let where direction =
        listed
            [ for name, signs in compared do
                  if List.forall ((=) direction) signs then name ]

    $"In Recall@1 both arms end below the frozen features on {where -1}, and above them on {where 1}."

let private scenes () =
    let value measured = Readable.Percent(mean "scenes" "baseline" measured "recall@1")
    $"The baseline's Recall@1 on scenes is {value StudyMeasures.Before} before training and {value StudyMeasures.Chosen} after it, which is near chance."

let private withoutSeed seed =
    let gains =
        [ for metric in metrics do
              let all = difference "scenes" "conditional" "emoji-singles" metric

              Estimate.Of
                  [ for one, value in Seq.zip all.Seeds all.Values do
                        if one <> seed then value ]
              |> StudyTables.Gain ]

    $"Without seed {seed}, whose results were known before the settings were fixed, the gains on single emoji are {gains[0]} and {gains[1]}."

let private otherLosses () =
    [ for study in [ "emoji-contrastive"; "emoji-proxy-anchor" ] do
          let found = results study

          let level =
              match found.Common.TryGetValue "level_loss" with
              | true, other -> other
              | _ -> found.Common["loss"]

          let gains = [ for metric in metrics -> difference study "conditional" StudyMeasures.Chosen metric ]

          cells
              [ found.Common["loss"]
                level
                found.Common["steps"]
                string gains[0].Values.Count
                yield! [ for one in gains -> StudyTables.Gain one.Estimate ] ] ]

let private tried () =
    [ for study in [ "emoji-sieve"; "cub50-sieve"; "scenes-sieve" ] do
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

let private compared = [ "emoji"; "scenes"; "cub50"; "grocery" ]

let private reranked = StudyMeasures.Reranked 100

let private rerankedRow study =
    let values metric = [ for measured in [ StudyMeasures.Chosen; reranked ] -> Readable.Percent(mean study "conditional" measured metric) ]
    let time = Readable.Number(mean study "conditional" reranked StudyMeasures.RerankingTime, 2)
    cells [ study; yield! values "recall@1"; yield! values "map_at_r"; $"{time} ms" ]

let private rerankedVerdict () =
    let better study =
        metrics
        |> List.forall (fun metric -> mean study "conditional" reranked metric > mean study "conditional" StudyMeasures.Chosen metric)

    $"Only on {listed (List.filter better compared)} did it improve both metrics."

/// Everything on docs/evidence.md that has a number in it.
let expected () =
    [ for claim in claims do
          for metric in metrics do
              row claim metric

          lastRow claim
      yield! verdict.Value
      lastVerdict ()
      yield! settings ()
      besideFrozen ()
      scenes ()
      withoutSeed 0
      yield! otherLosses ()
      yield! tried ()
      costRow "small CNN, 64 images of 48 px" "cost-emoji"
      costRow "ResNet-50 from layer4 on, 32 images of 112 px" "cost-grocery"
      for study in compared do
          rerankedRow study
      rerankedVerdict () ]
