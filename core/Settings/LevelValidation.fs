/// Which settings of the levels exclude each other, or others.
module internal CondEmbed.LevelValidation

open Problems

/// What does not fit the form of the levels.
let private formProblems (c: Config) =
    let form = Choices.word c.LevelForm

    let key, named, instead =
        if c.LevelForm.IsProjections then "level_values", "head", "own" else "level_form", form, "projections"

    let reads =
        c.LevelForm.IsGroup && c.LevelWidth = 0
        || c.LevelForm.IsCosine
        || c.LevelForm.IsProjections && c.LevelValues.IsHead

    let problemOf ok key message = demand (c.LevelForm.IsProjections || ok) key message

    [ demand
          (not reads || c.Pooling = "mean")
          key
          $"'{named}' needs a head that is linear in each token, and pooling '{c.Pooling}' is not: set pooling to mean, which is, or {key} to {instead}"
      demand
          (not reads || c.LevelTokens.IsLast || c.Levels < 2)
          key
          $"'{named}' projects tokens of the last stage alone: set level_tokens to last, or {key} to {instead}"
      problemOf
          (c.LevelForm.IsCosine || not c.Residual)
          "residual"
          $"levels of the form '{form}' do not add to the level before: set residual to false"
      problemOf c.LevelPosition.IsNone "level_position" $"levels of the form '{form}' have no positions: set level_position to none"
      problemOf c.LevelValues.IsOwn "level_values" $"chooses what projections read, and the form is '{form}': leave it as it is"
      demand
          (not c.LevelForm.IsGroup || c.Levels < 2 || not c.LevelQuery.IsPrevious && not c.LevelQuery.IsOwn)
          "level_query"
          "queries of the form 'group' are pooled tokens, which a level does not make: set level_query to unconditional, or levels to 1"
      demand
          (not (c.LevelForm.IsSecondHead || c.LevelForm.IsGroup)
           || c.LevelSimilarity.IsMutual
           || c.LevelWidth = 0
           || c.LevelWidth = c.Embedding)
          "level_width"
          $"one-sided similarities compare {c.LevelWidth} features with the embedding's {c.Embedding}: set level_width to 0, or level_similarity to mutual"
      demand
          (c.LevelForm.IsSecondHead || c.LevelForm.IsGroup || c.LevelWidth = 0)
          "level_width"
          $"is only for the forms 'group' and 'second-head', and the form is '{form}': set level_width to 0" ]

/// Which settings of the levels exclude each other, where there are levels.
let private levelProblems (c: Config) =
    let stages =
        match Config.tryEncoder c with
        | Some encoder -> 1 + encoder.EarlierChannels.Length
        | None -> c.Levels

    [ demand
          (c.Embedding <> 0)
          "embedding"
          "is 0, which means the pooled features themselves, and levels need a width: give it one, or set levels to 0"
      demand
          (not c.LevelForm.IsProjections || c.Embedding % max 1 c.Heads = 0)
          "heads"
          $"{c.Heads} heads do not divide an embedding of {c.Embedding}"
      yield! formProblems c
      demand
          (c.LevelAverage.IsNone || c.Average > 0.0)
          "level_average"
          $"'{Choices.word c.LevelAverage}' needs a running average of the weights: set average, for example to 0.99, or level_average to none"
      demand
          (c.LevelAverage.IsNone || not c.Residual)
          "level_average"
          "levels that add to the level before them begin with the embeddings themselves: set residual to false, or level_average to none"
      demand
          (c.LevelTokens.IsLast || c.Levels <= stages)
          "level_tokens"
          $"'stages' gives each of {c.Levels} levels a stage, and the encoder '{c.Encoder}' has {stages}: set levels to {stages} or less, or level_tokens to last"
      demand
          (c.LevelTokens.IsLast || c.Levels < 2 || not c.SharedLevels)
          "level_tokens"
          "'stages' have different channels, so levels cannot share their weights: set shared_levels to false, or level_tokens to last"
      demand
          (c.LevelLossOn.IsEvery
           || c.Levels < 2
           || c.Residual
           || c.SharedLevels
           || c.LevelQuery.IsPrevious
           || c.LevelQuery.IsOwn)
          "level_query"
          $"with '{Choices.word c.LevelQuery}', residual false and level_loss_on last, the levels before the last have no effect: change one of the three"
      demand
          (c.Distillation = 0.0 || c.LevelWeight > 0.0)
          "distillation"
          "the levels can only teach what their own loss has taught them: set level_weight above 0 (level_gradients = levels keeps that loss from the encoder)" ]

/// Which settings of the levels and their terms exclude each other.
let problems (c: Config) =
    let othersTrain =
        c.FeatureDistillation > 0.0
        || c.Levels > 0 && (c.LevelGradients.IsAll && c.LevelWeight > 0.0 || c.Distillation > 0.0)

    let features =
        demand
            (c.FeatureDistillation = 0.0 || c.Embedding <> 0)
            "feature_distillation"
            "teaches embeddings what the pooled features say, and with embedding 0 they are the same: give embedding a width, or set feature_distillation to 0"

    let unconditional =
        demand
            (c.UnconditionalWeight <> 0.0 || othersTrain)
            "unconditional_weight"
            "is 0, and no other term trains the encoder: raise it, or use levels with a level_weight and level_gradients all, or distillation"

    unconditional :: features :: (if c.Levels > 0 && c.Heads > 0 then levelProblems c else [])
