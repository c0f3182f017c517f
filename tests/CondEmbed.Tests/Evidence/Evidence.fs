/// What the stored studies show.
module CondEmbed.Tests.Evidence

open System
open System.Collections.Concurrent
open System.IO
open System.Linq
open CondEmbed.Studies
open CondEmbed.Tests.Support

let private folder = lazy Path.Combine(repositoryRoot (), "tests", "studies")

let named name ending = Path.Combine(folder.Value, name + ending)

let private read = ConcurrentDictionary<string, StudyResults>()

let results name = read.GetOrAdd(name, fun name -> StudyTables.ReadJson(named name ".json"))

let studies () = [ for file in Directory.GetFiles(folder.Value, "*.toml") -> Path.GetFileNameWithoutExtension file ]

let metrics = [ "recall@1"; "map_at_r" ]

/// A test of the claim: a study, and the study of the frozen features on the same images.
type Claim = { What: string; Short: string; Study: string; Frozen: string option }

let claims =
    let claim what short study frozen = { What = what; Short = short; Study = study; Frozen = frozen }

    [ claim "emoji; small CNN from nothing" "emoji" "emoji" (Some "frozen-emoji")
      claim
          "emoji; the last stage and the head of a ResNet-18"
          "emoji with the last stage trained"
          "emoji-layer4"
          (Some "frozen-emoji-resnet18")
      claim "omniglot; small CNN from nothing" "omniglot" "omniglot" None
      claim "emoji scenes; the head on a frozen ResNet-18" "emoji scenes" "scenes" (Some "frozen-scenes")
      claim
          "emoji scenes; the last stage and the head of a ResNet-18"
          "emoji scenes with the last stage trained"
          "scenes-layer4"
          (Some "frozen-scenes")
      claim "CUB-200-2011, 15 classes to train on; the head on a frozen ResNet-50" "CUB" "cub50" (Some "frozen-cub50")
      claim
          "CUB-200-2011, 15 classes to train on; the last stage and the head of a ResNet-18"
          "CUB with the last stage trained"
          "cub50-layer4"
          (Some "frozen-cub50-resnet18")
      claim "grocery, 33 classes to train on; the head on a frozen ResNet-50" "grocery" "grocery" (Some "frozen-grocery")
      claim
          "grocery, 21 classes to train on; the head on a frozen ResNet-50"
          "grocery with fewer classes"
          "grocery-half"
          (Some "frozen-grocery") ]

/// Arms that have a second loss or attention, but not the query of the other image.
let controls = [ "second-head", "a second head"; "own-query", "its own query"; "shuffled-query", "a shuffled query" ]

let mean study arm measured metric = (results study).ValuesOf(arm, measured, metric).Average()

let found arm against measured metric (differences: PairedDifference seq) =
    differences
    |> Seq.tryFind (fun one ->
        one.Arm = arm
        && one.Measured = measured
        && one.Metric = metric
        && (one.Against = against || against = ""))

let difference study arm measured metric = (found arm "" measured metric (results study).Differences).Value

let gain claim metric = difference claim.Study "conditional" StudyMeasures.Chosen metric

let overControl measured claim metric control = found "conditional" control measured metric (results claim.Study).Controls

/// The interval after the correction for all arms of the study, where there is one.
let held (difference: PairedDifference) = if isNull difference.Corrected then difference.Estimate else difference.Corrected

/// What an arm gains over the baseline on the test classes, where the claim's study has that arm.
let gainOf claim metric arm = found arm "" StudyMeasures.Chosen metric (results claim.Study).Differences |> Option.map held

let frozenValue name metric = mean name (results name).Arms[0].Name StudyMeasures.Before metric

let compared = [ for claim in claims -> claim.Study ]
