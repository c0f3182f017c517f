module CondEmbed.Tests.RecipeTests

open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.Support

/// What a run of these settings is built to, and how each leaf is trained.
let private treatments (config: Config) =
    let recipe = Recipe.build config 5 100
    recipe, Params.trainable recipe.Method.Objective.Specs |> Groups.assign recipe.Method.Rules |> Map

let tests =
    testList
        "Recipe"
        [ for encoder in Encoders.All.names do
              testCase $"{encoder} is built with every loss, with and without levels" (fun () ->
                  for loss in All.names do
                      for levels in [ 0; 2 ] do
                          let config =
                              { Config.standard with
                                  Encoder = encoder
                                  Loss = loss
                                  Levels = levels
                                  LevelLoss = "contrastive"
                                  Embedding = 16 }

                          Expect.isEmpty (ConfigValidation.problems config) "settings"
                          let recipe, treatments = treatments config
                          let names = recipe.Method.Objective.Specs |> List.map _.Name
                          Expect.equal (List.distinct names) names "every name once"
                          Expect.isTrue (treatments |> Map.forall (fun _ t -> t <> Groups.Frozen)) "all are trained"

                          let embedding = set [ for spec in recipe.Embed.Specs -> spec.Name ]
                          Expect.isTrue (Set.isSubset embedding (set names)) "what is used at test time is trained"

                          let extra = set names - embedding

                          let isOfTraining (name: string) = name.StartsWith "hierarchy." || name.StartsWith "loss."
                          Expect.isTrue (Set.forall isOfTraining extra) "training alone"

                          Expect.equal
                              extra.IsEmpty
                              (levels = 0 && (Loss.onEmbeddings (All.ofText loss 5 16)).Specs.IsEmpty)
                              "the baseline has no more")

          tensorTest "an embedding of 0 is the pooled features themselves, of length 1" (fun () ->
              let config =
                  { Config.standard with
                      Encoder = "resnet18"
                      Pooling = "mean"
                      HeadNorm = false
                      Embedding = 0
                      Levels = 0
                      Size = 32 }

              Expect.isEmpty (ConfigValidation.problems config) "settings"
              Expect.equal (Recipe.dimension config) 512 "features"
              let recipe = Recipe.build config 5 10
              Expect.isFalse (recipe.Embed.Specs |> List.exists (fun spec -> spec.Name.StartsWith "embedding")) "no head"

              scoped (fun () ->
                  let parameters = drawn 7L float32 recipe.Embed.Specs
                  let images = TorchSharp.torch.randint (0L, 256L, [| 3L; 32L; 32L; 3L |], dtype = TorchSharp.torch.uint8)
                  let found = Layer.run parameters recipe.Embed images
                  let features = (Layer.run parameters recipe.Network.Features images).Map.mean [| 2L; 3L |]
                  expectClose 1e-6 (Layers.l2Normalise features) found "the mean of the map")

              Expect.contains
                  [ for problem in ConfigValidation.problems { config with Levels = 1 } -> problem.Key ]
                  "embedding"
                  "levels need a width")

          testCase "norms and biases have no decay, head and proxies have rates of their own" (fun () ->
              let _, treatments =
                  treatments
                      { Config.standard with
                          Encoder = "resnet50"
                          Pooling = "gem"
                          Loss = "proxy-anchor"
                          LevelLoss = "supcon"
                          HeadLrFactor = 3.0
                          ProxyLrFactor = 50.0
                          WeightDecay = 0.2 }

              for name, expected in
                  [ "conv1.weight", Groups.Trained(1.0, 0.2)
                    "bn1.weight", Groups.Trained(1.0, 0.0)
                    "layer1.0.bn2.bias", Groups.Trained(1.0, 0.0)
                    "layer1.0.downsample.0.weight", Groups.Trained(1.0, 0.2)
                    "layer1.0.downsample.1.weight", Groups.Trained(1.0, 0.0)
                    "embedding.weight", Groups.Trained(3.0, 0.2)
                    "embedding.bias", Groups.Trained(3.0, 0.0)
                    "embedding.pool.p", Groups.Trained(3.0, 0.0)
                    "embedding.norm.weight", Groups.Trained(3.0, 0.0)
                    "hierarchy.level1.key.weight", Groups.Trained(3.0, 0.2)
                    "loss.proxies", Groups.Trained(50.0, 0.0) ] do
                  Expect.equal treatments[name] expected name)

          testCase "the hierarchy's rate is on top of the head's; its norms, biases and positions have no decay" (fun () ->
              let _, treatments =
                  treatments
                      { Config.standard with
                          LevelAfter = Level.After.FeedForward
                          LevelPosition = Positions.Code.Learned
                          HeadLrFactor = 3.0
                          LevelLrFactor = 0.5
                          WeightDecay = 0.2 }

              for leaf, decay in
                  [ "query.weight", 0.2
                    "norm.weight", 0.0
                    "norm.bias", 0.0
                    "inner.weight", 0.2
                    "outer.bias", 0.0
                    "position", 0.0 ] do
                  Expect.equal treatments[$"hierarchy.level1.{leaf}"] (Groups.Trained(1.5, decay)) leaf

              Expect.equal treatments["embedding.weight"] (Groups.Trained(3.0, 0.2)) "the head")

          testCase "the warm-up of the levels is a share of the steps, and a statistic only where there is one" (fun () ->
              let specs warmUp = (Recipe.build { Config.standard with LevelWarmUp = warmUp } 5 100).Method.Objective.Specs
              let added = List.except (specs 0.0) (specs 0.3)
              Expect.equal [ for spec in added -> spec.Name, spec.Role ] [ "hierarchy.step", Statistic ] "statistic")

          testCase "test time has the parameters of the baseline, whatever the levels" (fun () ->
              let config = { Config.standard with Pooling = "mean"; HeadNorm = false }

              let embedding config = (Recipe.build config 5 100).Embed.Specs

              for levels in
                  [ { config with LevelValues = Choices.LevelValues.Head; Levels = 2 }
                    { config with LevelTokens = Choices.LevelTokens.Stages; LevelAfter = Level.After.FeedForward; Levels = 3 } ] do
                  Expect.equal (embedding levels) (embedding { config with Levels = 0 }) "specs")

          testCase "a transformer's norms, biases, class token and positions have no decay" (fun () ->
              let _, treatments = treatments { Config.startFor "vit-s16" with WeightDecay = 0.2 }

              for name, treatment in Map.toSeq treatments do
                  let isMatrix = name.EndsWith ".weight" && not (name.Contains "norm")
                  Expect.equal treatment (Groups.Trained(1.0, (if isMatrix then 0.2 else 0.0))) name

              for name in [ "cls_token"; "pos_embed"; "norm.weight"; "blocks.0.norm1.weight"; "blocks.11.attn.qkv.bias" ] do
                  Expect.equal treatments[name] (Groups.Trained(1.0, 0.0)) name)

          testCase "freeze stops the parameters that its patterns name, and refuses a pattern that names none" (fun () ->
              let _, treatments = treatments { Config.standard with Freeze = "conv1*, layer1*" }

              let frozen = treatments |> Map.filter (fun _ t -> t = Groups.Frozen) |> Map.keys |> Seq.toList

              Expect.contains frozen "conv1.weight" "the stem"
              Expect.all frozen (fun name -> name.StartsWith "conv1" || name.StartsWith "layer1.") "nothing else"

              rejects [ "'layr2*' matches no parameter" ] (fun () ->
                  let recipe = Recipe.build { Config.standard with Freeze = "layr2*" } 5 100

                  Groups.assign recipe.Method.Rules (Params.trainable recipe.Method.Objective.Specs) |> ignore))

          testCase "everything may be frozen but the head" (fun () ->
              let _, treatments = treatments { Config.standard with Freeze = "conv1*,bn1*,layer*" }

              let trained = treatments |> Map.filter (fun _ t -> t <> Groups.Frozen) |> Map.keys |> Seq.toList

              Expect.all trained (fun name -> name.StartsWith "embedding." || name.StartsWith "hierarchy.") "the head")

          testCase "the rate warms up, then follows the schedule to the end of the steps" (fun () ->
              let rate schedule =
                  let config = { Config.standard with Lr = 2.0; WarmUp = 0.1; Schedule = schedule; DecayEvery = 0.5 }

                  (Recipe.build config 5 100).Method.Rate

              let expectRates schedule expected =
                  for step, wanted in expected do
                      Expect.floatClose Accuracy.high (rate schedule step) wanted $"{Choices.word schedule}, step {step}"

              expectRates Choices.Schedule.Constant [ 0, 0.2; 9, 2.0; 99, 2.0 ]
              expectRates Choices.Schedule.Cosine [ 4, 1.0; 10, 2.0; 55, 1.0; 100, 0.0 ]
              expectRates Choices.Schedule.Step [ 0, 0.2; 59, 2.0; 60, 0.2 ])

          testCase "the optimiser is the one that is named" (fun () ->
              let optimiser name = (Recipe.build { Config.standard with Optimiser = name; Momentum = 0.8 } 5 100).Method.Optimiser

              Expect.equal (optimiser Choices.Optimiser.Adamw) Optimiser.adamW "adamw"
              Expect.equal (optimiser Choices.Optimiser.Sgd) (Optimiser.Sgd(0.8, false)) "sgd") ]
