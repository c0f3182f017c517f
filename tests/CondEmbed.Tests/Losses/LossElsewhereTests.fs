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
                    "ManifoldLoss", [ "is not here; the nearest is 'proxy-anchor'" ] ] do
                  let found = message (fun () -> All.ofText text 2 2)

                  for word in words do
                      Expect.stringContains found word text

                  Expect.equal
                      (found.Split("it has").Length - 1 <= 1, found.Contains "'contrastive' has" = text.StartsWith "c")
                      (true, true)
                      found)

          testCase "the page for those who come from it has every loss and argument" (fun () ->
              let page = File.ReadAllText(Path.Combine(repositoryRoot (), "docs", "from-pytorch-metric-learning.md"))

              for name, ours, arguments in Elsewhere.rows do
                  let told = String.concat "; " [ for key, what in arguments -> $"`{key}`: {what}" ]
                  let told = if told = "" then "the same" else told
                  Expect.stringContains page $"| `{name}` | `{ours}` | {told} |" name
                  // What it stands for is a setting that there is.
                  for _, what in arguments do
                      for key in Regex.Matches(what, "`([a-z_]+)") do
                          let part = (Part.tryFind All.all (Elsewhere.oursOf name)).Value
                          Expect.contains [ for s in part.Settings -> s.Key ] key.Groups[1].Value name) ]
