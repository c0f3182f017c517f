/// The page of all losses and their parts, from their own descriptions.
module CondEmbed.Cli.LossReference

open CondEmbed.Interop

let private page =
    """---
title: Losses
category: Reference
categoryindex: 4
index: 2
---

# Losses

Every loss, miner, reducer and distance, with its settings. This page is generated: `condembed loss --list --markdown`.

Name a loss, with settings in brackets, or a weighted sum of losses. The text is the same on the command line, in TOML, in C# and in F#:

    condembed train --loss 'triplet(margin=0.3, miner=semi-hard)'
    condembed train --loss 'multi-similarity + 0.5 * proxy-anchor'
    condembed train --loss supcon --set loss_settings.temperature=0.07

The settings `miner`, `reducer` and `distance` take one of the names below, with its settings: `miner=distance-weighted(cutoff=0.5)`.
pytorch-metric-learning's names (`TripletMarginLoss`, `miner=BatchHardMiner`) and arguments (`smooth_loss=True`) work too, with that library's defaults: [all of them](from-pytorch-metric-learning.md#losses-and-their-arguments).
"""

let private settings (all: LossSetting seq) =
    if Seq.isEmpty all then
        [ "No settings.\n" ]
    else
        [ "| setting | default | takes | meaning |\n| --- | --- | --- | --- |"
          for s in all do
              let meaning = s.Meaning.Replace("|", "\\|").Replace("*", "\\*")
              $"| `{s.Key}` | `{s.Default}` | {s.Takes} | {meaning} |"
          "" ]

let private limits (loss: LossDescription) =
    let weights = if loss.TakesWeights then " Marks of pairs may have weights." else ""

    if loss.NotForLevels <> "" then $" It {loss.NotForLevels}: not for levels, not for a memory.{weights}"
    elif loss.NotForMemory <> "" then $" It {loss.NotForMemory}: not for a memory.{weights}"
    else weights

let markdown () =
    [ page
      for loss in LossFunctions.All do
          $"## {loss.Name}\n\n{loss.Source}.{limits loss}\n"
          yield! settings loss.Settings
      for kind, choices in LossFunctions.Choices |> Seq.groupBy _.Kind do
          $"## {kind}s\n"

          for choice in choices do
              $"### {kind} {choice.Name}\n\n{choice.Source}.\n"
              yield! settings choice.Settings ]
    |> String.concat "\n"
    |> _.TrimEnd()
