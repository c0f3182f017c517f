/// What is wrong with losses: with their text and settings, and with where the settings put them.
module internal CondEmbed.LossValidation

open Problems

let lossProblems key settingsKey text settings =
    match Losses.All.read text (Config.asValues settings) with
    | Ok _ -> []
    | Error problems ->
        [ for setting, message in problems ->
              match setting with
              | Some setting -> { Key = $"{settingsKey}.{setting}"; Message = message }
              | None -> { Key = key; Message = message } ]

/// A loss of the settings; None if it cannot be read.
let private made (text, settings) =
    let settings = Config.asValues settings

    match Losses.All.read text settings with
    | Ok _ -> Some(Losses.All.make text settings 2 2)
    | Error _ -> None

/// What a loss with proxies on the levels excludes.
let private proxyProblems (c: Config) levelLoss =
    let similarities = "set level_loss to a loss on similarities (for example multi-similarity)"
    let why = $"is for losses on similarities of pairs, and '{levelLoss}' compares images with proxies"

    [ demand (c.LevelPairs = 0) "level_pairs" $"{why}: set it to 0 (level_askers says how many pairs there are), or {similarities}"
      demand (c.LevelBlock = 0) "level_block" $"{why}: set it to 0, or {similarities}"
      demand c.LevelSimilarity.IsMutual "level_similarity" $"{why}: leave it as it is, or {similarities}"
      demand (c.Distillation = 0.0) "distillation" $"{why}: set it to 0, or {similarities}"
      demand
          (c.LevelWidth = 0 || c.LevelWidth = c.Embedding)
          "level_width"
          $"'{levelLoss}' compares {c.LevelWidth} features with proxies of {c.Embedding}: set it to 0" ]
    |> List.concat

/// Losses that cannot be used where the settings put them.
let refusedLosses (c: Config) =
    let levelLoss = Config.levelLossOf c
    let text = fst levelLoss
    let loss = made (c.Loss, c.LossSettings)

    let onLevels (own: Losses.Loss) =
        match Losses.Loss.notForLevels own with
        | None -> []
        | Some _ when loss |> Option.exists (Losses.Loss.sharesProxies own) -> proxyProblems c text
        | Some why when Losses.Loss.isOnProxies own ->
            [ problem
                  "level_loss"
                  $"the loss '{text}' {why}, and the loss '{c.Loss}' has none that it could share: set loss to '{text}' too, or level_loss to a loss on similarities (for example multi-similarity)" ]
        | Some why ->
            [ problem
                  "level_loss"
                  $"the loss '{text}' {why}, so it cannot score conditional levels: set level_loss (for example multi-similarity), or levels to 0" ]

    [ if c.Levels > 0 then yield! made levelLoss |> Option.map onLevels |> Option.defaultValue []
      match loss |> Option.bind Losses.Loss.notForMemory with
      | Some why when c.Memory > 0 ->
          problem "memory" $"the loss '{c.Loss}' {why}, so it cannot use a memory: take another loss, or memory 0"
      | _ -> () ]

/// Why similarities cannot be mixed.
let mixupProblems (c: Config) =
    let needsMore text loss =
        match loss |> Option.bind Losses.Loss.notForLevels with
        | Some why ->
            [ problem
                  "similarity_mixup"
                  $"mixes similarities, and the loss '{text}' {why}: set it to false, or take a loss on similarities (for example multi-similarity)" ]
        | None -> []

    if not c.SimilarityMixup then
        []
    else
        let levelLoss = Config.levelLossOf c

        [ yield! needsMore c.Loss (made (c.Loss, c.LossSettings))
          if c.Levels > 0 && c.LevelLoss <> "" then yield! needsMore c.LevelLoss (made levelLoss)
          yield!
              demand
                  (c.Levels = 0 || c.LevelPairs = 0)
                  "similarity_mixup"
                  $"needs the similarities of all pairs, and level_pairs {c.LevelPairs} computes a few: set it to false, or level_pairs to 0" ]

/// Why a loss needs classes: it compares with proxies of them, or has parameters whose number depends on theirs.
let private needsClasses (text, settings) =
    let madeFor classes = Losses.All.make text (Config.asValues settings) classes 2
    let parameters classes = (Losses.Loss.onEmbeddings (madeFor classes)).Specs

    if Losses.Loss.proxiesPerClass (madeFor 2) > 0 then Some "compares images with proxies of classes"
    elif parameters 2 <> parameters 3 then Some "learns something of each class"
    else None

/// Why pairs cannot take the place of classes in valid settings, and what to do; None if they can.
let classesProblem (c: Config) : string option =
    let ofLoss loss =
        needsClasses loss
        |> Option.map (fun why -> $"the loss '{fst loss}' {why}: take a loss on similarities (for example multi-similarity)")

    [ ofLoss (c.Loss, c.LossSettings)
      if c.Levels > 0 then ofLoss (Config.levelLossOf c)
      if c.Memory > 0 then Some "a memory keeps the class numbers of earlier images: set memory to 0"
      if c.SimilarityMixup then Some "similarity_mixup mixes two images of one class: set it to false" ]
    |> List.tryPick id

/// Why pairs of different weights cannot be trained on with valid settings, and what to do; None if they can.
let weightsProblem (c: Config) : string option =
    let without (text, settings) =
        match Losses.All.read text (Config.asValues settings) with
        | Ok terms ->
            terms
            |> List.map (fun (_, call) -> call.Name)
            |> List.tryFind (fun name -> not (List.contains name Losses.All.weighted))
        | Error _ -> None

    let known =
        String.concat
            ", "
            [ for name in Losses.All.weighted do
                  if not (name.StartsWith("embedding-", System.StringComparison.Ordinal)) then name ]

    [ without (c.Loss, c.LossSettings); if c.Levels > 0 then without (Config.levelLossOf c) ]
    |> List.tryPick id
    |> Option.map (fun name ->
        $"the loss '{name}' counts every pair alike: take one that takes weights ({known}), or leave the weights out")
