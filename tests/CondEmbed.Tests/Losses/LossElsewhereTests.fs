/// Losses as those write them who come from pytorch-metric-learning.
module CondEmbed.Tests.LossElsewhereTests

open System.IO
open System.Text.RegularExpressions
open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.Support

let private message action = (Expect.throwsC (fun () -> action () |> ignore) id).Message

let tests =
    testList
        "elsewhere"
        [ testCase "arguments of pytorch-metric-learning are understood, and so are settings beside the text" (fun () ->
              for theirs, settings, ours in
                  [ "ContrastiveLoss(pos_margin=0.1, neg_margin=0.9)", [], "contrastive(negative_margin=0.9, positive_margin=0.1)"
                    "TripletMarginLoss(smooth_loss=True, swap=False)", [], "triplet(margin=0.05, soft=1, swap=0)"
                    "TripletMarginLoss(triplets_per_anchor='all', distance=cosine)", [], "triplet(distance=cosine, margin=0.05)"
                    "TripletMarginLoss(triplets_per_anchor=20)", [], "triplet(margin=0.05, miner=random(triplets_per_anchor=20))"
                    "CircleLoss(m=0.3, gamma=64)", [], "circle(gamma=64, margin=0.3)"
                    "PNPLoss(variant=\"Dq\", alpha=3, anneal=0.1)", [], "pnp(a=3, temperature=0.1, variant=dq)"
                    "MarginLoss(num_classes=9)", [], "margin(learn_beta=0, miner=all, per_class=1)"
                    "MarginLoss(num_classes=None)", [], "margin(learn_beta=0, miner=all)"
                    "HistogramLoss(delta=0.04)", [], "histogram(bins=50)"
                    "RankedListLoss(margin=0.6, Tn=5)", [], "ranked-list(alpha=1.3, margin=0.6, tn=5)"
                    "RankedListLoss(margin=0.6, alpha=1)", [], "ranked-list(alpha=1, margin=0.6)"
                    "ContrastiveLoss", [ "neg_margin", 0.4 ], "contrastive(negative_margin=0.4)"
                    "ContrastiveLoss(neg_margin=0.7)", [ "negative_margin", 0.4 ], "contrastive(negative_margin=0.4)" ] do
                  match All.read theirs (Map [ for key, value in settings -> key, Number value ]) with
                  | Ok [ _, call ] -> Expect.equal (string call) ours theirs
                  | other -> failtest $"{theirs}: {other}"

              for text, words in
                  [ "ContrastiveLoss(po_margin=0, neg_margn=1)",
                    [ "loss 'ContrastiveLoss' has no settings 'neg_margn' and 'po_margin'; it has pos_margin, neg_margin, "
                      "'neg_margin' for 'neg_margn'" ]
                    "contrastive(neg_margin=1)", [ "did you mean 'negative_margin'?" ]
                    "ContrastiveLoss(neg_margin=all)", [ "loss 'ContrastiveLoss': neg_margin is all; it must be a number" ]
                    "ArcFaceLoss(num_classes=3)", [ "num_classes comes from the data: leave it out" ]
                    "TripletMarginLoss(triplets_per_anchor=some)", [ "triplets_per_anchor is some" ]
                    "tripletmargin", [ "did you mean 'triplet'?" ]
                    "TripletMarginLos", [ "did you mean 'TripletMarginLoss'?" ]
                    "ManifoldLoss", [ "is not here; the nearest is 'proxy-anchor'" ]
                    "CrossBatchMemory(ContrastiveLoss(), 64, memory_size=1024)",
                    [ "'CrossBatchMemory' is not here; the run has the settings memory" ]
                    "losses.SelfSupervisedLoss(losses.TripletMarginLoss())", [ "'SelfSupervisedLoss' is not here; take each image" ]
                    "TripletMarginLoss(distance=CosineSimilarity())", [ "no distance 'CosineSimilarity'; here it is cosine" ]
                    "TripletMarginLoss(reducer=ThresholdReducer(high=0.3))",
                    [ "no reducer 'ThresholdReducer'; here it is within(low=..., high=...)" ] ] do
                  let found = message (fun () -> All.ofText text 2 2)

                  for word in words do
                      Expect.stringContains found word text

                  Expect.equal
                      (found.Split("it has").Length - 1 <= 1, found.Contains "'contrastive' has" = text.StartsWith "c")
                      (true, true)
                      found)

          testCase "its miners are understood, with its defaults and in any loss" (fun () ->
              for theirs, ours in
                  [ "triplet(miner=BatchHardMiner)", "triplet(miner=batch-hard)"
                    "losses.TripletMarginLoss(margin=0.1, miner=miners.BatchHardMiner())", "triplet(margin=0.1, miner=batch-hard)"
                    "TripletMarginLoss(margin=0.1, distance=cosine, miner=TripletMarginMiner(margin=0.2, type_of_triplets=\"semihard\"))",
                    "triplet(distance=cosine, margin=0.1, miner=semi-hard(distance=l2, margin=0.2))"
                    "TripletMarginLoss(miner=TripletMarginMiner(distance=cosine))",
                    "triplet(margin=0.05, miner=triplet-margin(distance=cosine, margin=0.2))"
                    "ContrastiveLoss(miner=MultiSimilarityMiner(epsilon=0.3))", "contrastive(miner=multi-similarity(epsilon=0.3))"
                    "contrastive(miner=PairMarginMiner(neg_margin=0.7))",
                    "contrastive(miner=pair-margin(distance=l2, negative=0.7, positive=0.2))"
                    "triplet(miner=BatchEasyHardMiner())", "triplet(miner=easy-positive-semi-hard-negative)"
                    "triplet(miner=BatchEasyHardMiner(pos_strategy='hard', neg_strategy='hard', allowed_pos_range=None))",
                    "triplet(miner=batch-hard)"
                    "triplet(miner=BatchEasyHardMiner(pos_strategy=all, neg_strategy=all))", "triplet(miner=all)"
                    "margin(miner=DistanceWeightedMiner(nonzero_loss_cutoff=1.2))",
                    "margin(miner=distance-weighted(cutoff=0.5, upper=1.2))"
                    "triplet(miner=AngularMiner(angle=35))", "triplet(miner=angular(angle=35))" ] do
                  match All.read theirs Map.empty with
                  | Ok [ _, call ] -> Expect.equal (string call) ours theirs
                  | other -> failtest $"{theirs}: {other}"

                  All.ofText theirs 4 8 |> ignore

              for text, words in
                  [ "triplet(miner=TripletMarginMiner(type_of_triplets=semi))",
                    [ "miner 'TripletMarginMiner': type_of_triplets is semi; it must be one of all, hard, semihard, easy" ]
                    "triplet(miner=MultiSimilarityMiner(epsilom=1))",
                    [ "'MultiSimilarityMiner' has no setting 'epsilom'; it has epsilon"; "did you mean 'epsilon'?" ]
                    "triplet(miner=MultiSimilarityMiner(epsilon=all))", [ "epsilon is all; it must be a number" ]
                    "triplet(miner=BatchEasyHardMiner(pos_strategy=semihard))",
                    [ "pos_strategy is semihard and neg_strategy is semihard"; "easy or hard" ]
                    "triplet(miner=BatchEasyHardMiner(allowed_pos_range=1))", [ "no allowed_pos_range here: leave it out" ]
                    "triplet(miner=BatchHardMiner(margin=1))", [ "no setting 'margin'; it has none" ]
                    "triplet(miner=UniformHistogramMiner)", [ "is not here; the nearest is 'distance-weighted'" ]
                    "triplet(miner=TripletMarginMinr)", [ "no miner 'TripletMarginMinr'"; "did you mean 'TripletMarginMiner'?" ]
                    "triplet(miner=batchhard)", [ "did you mean 'batch-hard'?" ]
                    "TripletMarginMiner(margin=0.3, type_of_triplets=hard)",
                    [ "is a miner, not a loss"; "triplet(miner=hard(distance=l2, margin=0.3))" ]
                    "triplet + 0.5 * batch-hard", [ "'batch-hard' is a miner, not a loss"; "triplet(miner=batch-hard)" ] ] do
                  let found = message (fun () -> All.ofText text 4 8)

                  for word in words do
                      Expect.stringContains found word text)

          testCase "the page for those who come from it has every loss and argument" (fun () ->
              let page = File.ReadAllText(Path.Combine(repositoryRoot (), "docs", "from-pytorch-metric-learning.md"))
              Expect.isGreaterThan MinersElsewhere.rows.Length 9 "miners"

              for theirs, ours in MinersElsewhere.rows do
                  Expect.stringContains page $"| `{theirs}` | `{ours}` |" theirs

              for name, ours, arguments in Elsewhere.rows do
                  let told = String.concat "; " [ for key, what in arguments -> $"`{key}`: {what}" ]
                  let told = if told = "" then "the same" else told
                  Expect.stringContains page $"| `{name}` | `{ours}` | {told} |" name
                  // What it stands for is a setting that there is.
                  for _, what in arguments do
                      for key in Regex.Matches(what, "`([a-z_]+)") do
                          let part = (Part.tryFind All.all (Elsewhere.oursOf name)).Value
                          Expect.contains [ for s in part.Settings -> s.Key ] key.Groups[1].Value name) ]
