namespace CondEmbed

/// What the core reads of the settings of a run, each declared here alone, with its value for the bundled emoji on two cores of a CPU and its meaning: the options of the program, the keys of TOML files (`per_class`),
/// the properties of `TrainingOptions` for C#, their checks and the reference are made from these fields. The host declares its own in the same way (`HostSettings`). C# changes a copy, which `RunSettings.With` makes.
[<CLIMutable>]
type Config =
    { [<Section "Network">]
      [<Setting("small", Needed.Always, "encoder: {encoders}")>]
      [<EncoderName>]
      Encoder: string
      [<Setting("grid",
                Needed.Always,
                "pooling before the embedding: class (the class token of a vit), mean, max, mean-max, gem, grid (6 x 6 cells, and mean-max)")>]
      [<PoolingName>]
      Pooling: string
      [<Setting(128, Needed.Always, "D, features of an embedding; 0 for the pooled features of the encoder themselves, without levels")>]
      [<AtLeast 0>]
      Embedding: int
      [<Setting(true, Needed.Always, "BatchNorm between pooling and embedding")>]
      HeadNorm: bool
      [<Setting("random",
                Needed.InTraining,
                "what the embedding's linear layer starts as: random, pca (the principal directions of the pooled features of training images, so that training begins with the numbers of the features themselves; needs head_norm false)")>]
      HeadStart: Choices.HeadStart
      [<Setting(false, Needed.InTraining, "BatchNorm keeps the statistics it started with")>]
      FreezeNorm: bool
      [<Setting("",
                Needed.InTraining,
                "parameters that are not trained: trunk (all stages of a residual network but the last), encoder (all but the head and the levels), or patterns over their names, separated by commas, such as conv1*,bn1*,layer1*")>]
      Freeze: string
      [<Setting("",
                Needed.InTraining,
                "parameters whose training begins later, after a share of the steps, with a fresh state of the optimiser: patterns with their shares, such as layer4*@0.2,layer3*@0.5; those of freeze are never trained")>]
      Unfreeze: string
      [<Section "Conditional levels">]
      [<Setting(1, Needed.InTraining, "levels of conditional embeddings while training; 0 for the baseline")>]
      [<Within(0.0, 16.0)>]
      Levels: int
      [<Setting("projections",
                Needed.InTraining,
                "form of a level: projections (attention with its own projections and heads), group (one head as wide as the tokens, read through the embedding's own head), cosine (no parameters: attention by the cosines of tokens read through the head), second-head (a control without attention: a second linear head). cosine, and group without level_width, need pooling mean; group and second-head need residual false. The default of a resnet is projections, and level_on all, where a setting is given that only projections have: another pooling, heads, residual, level_values, level_position, level_tokens")>]
      LevelForm: Choices.LevelForm
      [<Setting(0.3, Needed.InTraining, "form cosine: temperature of the attention")>]
      [<Within(1e-3, 1e3)>]
      LevelTemperature: float
      [<Setting(0,
                Needed.InTraining,
                "features of a level: of the form second-head, 0 for as many as the embedding has; of the form group, 0 for the embedding's own head, or else a head of the level's own, such as a wide teacher for distillation")>]
      [<AtLeast 0>]
      LevelWidth: int
      [<Setting(4, Needed.InTraining, "heads of the cross-attention; must divide the embedding")>]
      [<AtLeast 1>]
      Heads: int
      [<Setting(true, Needed.InTraining, "each level adds to the level before it")>]
      Residual: bool
      [<Setting(false, Needed.InTraining, "all levels share one set of attention weights")>]
      SharedLevels: bool
      [<Setting(1.0, Needed.InTraining, "weight of each level's loss, relative to the loss of the unconditional embeddings")>]
      [<Within(0.0, 1e6)>]
      LevelWeight: float
      [<Setting("own",
                Needed.InTraining,
                "what a level reads from a token: own (its own projection), head (the head's projection, and none of the result; needs pooling mean)")>]
      LevelValues: Choices.LevelValues
      [<Setting("previous",
                Needed.InTraining,
                "query of a level: previous (the other image's embedding from the level before), unconditional (the other image's unconditional embedding); as controls, own (the image asks itself) and shuffled (an unrelated image of the batch asks)")>]
      LevelQuery: Hierarchy.Query
      [<Setting("nothing",
                Needed.InTraining,
                "what follows the attention of a level: nothing, norm (LayerNorm), feed-forward (LayerNorm and two layers, added)")>]
      LevelAfter: Level.After
      [<Setting("none", Needed.InTraining, "positional code of the tokens, for the keys: none, sine, learned")>]
      LevelPosition: Positions.Code
      [<Setting("last",
                Needed.InTraining,
                "tokens that the levels read: last (of the encoder's last stage), stages (one stage per level, from the last to finer ones)")>]
      LevelTokens: Choices.LevelTokens
      [<Setting("mutual",
                Needed.InTraining,
                "similarity of a pair on a level: mutual (of both conditional embeddings), one-sided (of one image's conditional and the other's unconditional embedding, averaged over both sides)")>]
      LevelSimilarity: Hierarchy.Agreement
      [<Setting("all",
                Needed.InTraining,
                "pairs that a level compares by conditional embeddings: all, negatives, positives; the others keep their unconditional similarity")>]
      LevelOn: Conditional.On
      [<Setting("none",
                Needed.InTraining,
                "what of the levels is made by the running average of the weights (average), so that it changes slowly: none, queries (the embeddings that ask), queries-and-keys (and the tokens that they look for); needs residual false")>]
      LevelAverage: Conditional.Average
      [<Setting("every", Needed.InTraining, "levels that have a loss: every, last")>]
      LevelLossOn: Choices.LevelLossOn
      [<Setting("all",
                Needed.InTraining,
                "what the levels' loss trains: all, levels (only the levels; the encoder and head then learn from them by distillation)")>]
      LevelGradients: Choices.LevelGradients
      [<Setting(0.0, Needed.InTraining, "share of the steps over which the weights of the levels' loss and of distillation rise from zero")>]
      [<Within(0.0, 1.0)>]
      LevelWarmUp: float
      [<Setting(0, Needed.InTraining, "pairs on the levels: each image with this many most similar others and with its own class; 0 for all")>]
      [<AtLeast 0>]
      LevelPairs: int
      [<Setting(0,
                Needed.InTraining,
                "how many pairs on the levels are computed at a time, and recomputed for their gradients, to save memory; 0 for all at once")>]
      [<AtLeast 0>]
      LevelBlock: int
      [<Setting(1.0, Needed.InTraining, "weight of the loss of the unconditional embeddings")>]
      [<Within(0.0, 1e6)>]
      UnconditionalWeight: float
      [<Setting(0.0,
                Needed.InTraining,
                "weight of the distillation of the last level's similarities into the unconditional ones; 0 for none")>]
      [<Within(0.0, 1e6)>]
      Distillation: float
      [<Setting(0.1, Needed.InTraining, "temperature of distillation")>]
      [<Within(1e-3, 1e3)>]
      DistillationTemperature: float
      [<Setting(0.0,
                Needed.InTraining,
                "weight of the distillation of the pooled features' similarities into those of the embeddings, as in S2SD (50 there); 0 for none")>]
      [<Within(0.0, 1e6)>]
      FeatureDistillation: float
      [<Setting(1.0, Needed.InTraining, "temperature of feature_distillation")>]
      [<Within(1e-3, 1e3)>]
      FeatureDistillationTemperature: float
      [<Setting(0.0, Needed.InTraining, "share of the steps before feature_distillation counts")>]
      [<Within(0.0, 1.0)>]
      FeatureDistillationStart: float
      [<Section "Loss">]
      [<Setting("multi-similarity",
                Needed.InTraining,
                "loss of the unconditional embeddings, or a weighted sum, such as multi-similarity(beta=50) + 0.5 * proxy-anchor: {losses}")>]
      Loss: string
      [<Setting("", Needed.InTraining, "numbers for the loss, as in loss_settings.alpha=2")>]
      LossSettings: NamedNumbers
      [<Setting(0, Needed.InTraining, "cross-batch memory: how many embeddings of earlier batches the loss also compares with; 0 for none")>]
      [<AtLeast 0>]
      Memory: int
      [<Setting(100, Needed.InTraining, "steps before the memory counts")>]
      [<AtLeast 0>]
      MemoryStart: int
      [<Setting(1.0, Needed.InTraining, "weight of the memory's loss, relative to the loss of the batch")>]
      [<Within(0.0, 1e6)>]
      MemoryWeight: float
      [<Setting("", Needed.InTraining, "loss of the levels; empty for the same as loss")>]
      LevelLoss: string
      [<Setting("", Needed.InTraining, "settings of the levels' loss, where they differ from loss_settings")>]
      LevelLossSettings: NamedNumbers
      [<Setting(false,
                Needed.InTraining,
                "similarity mixup (SiMix): the losses, which must be on similarities, also compare a virtual image between each image and another of its class, by weighted means of similarities; nothing is embedded again")>]
      SimilarityMixup: bool
      [<Setting(1,
                Needed.InTraining,
                "loss of the levels with proxies, which are those of the loss itself: how many random images of other classes ask each image, besides one of its own class")>]
      [<AtLeast 1>]
      LevelAskers: int
      [<Section "Optimiser">]
      [<Setting("adamw", Needed.InTraining, "optimiser: adamw or sgd")>]
      Optimiser: Choices.Optimiser
      [<Setting(6e-3, Needed.InTraining, "base learning rate")>]
      [<Above 0.0>]
      Lr: float
      [<Setting(0.3, Needed.InTraining, "factor of the learning rate for the embedding and the hierarchy")>]
      [<Within(0.0, 1e6)>]
      HeadLrFactor: float
      [<Setting(1.0, Needed.InTraining, "factor of the learning rate for the hierarchy, on top of head_lr_factor")>]
      [<Within(0.0, 1e6)>]
      LevelLrFactor: float
      [<Setting(100.0, Needed.InTraining, "factor of the learning rate for proxies")>]
      [<Within(0.0, 1e6)>]
      ProxyLrFactor: float
      [<Setting(0.05, Needed.InTraining, "weight decay; norms and biases have none")>]
      [<Within(0.0, 1e3)>]
      WeightDecay: float
      [<Setting(0.9, Needed.InTraining, "momentum of sgd")>]
      [<Within(0.0, 0.9999)>]
      Momentum: float
      [<Setting("cosine", Needed.InTraining, "learning-rate schedule: cosine, step, constant")>]
      Schedule: Choices.Schedule
      [<Setting(0.02, Needed.InTraining, "share of the steps over which the learning rate rises from zero")>]
      [<Within(0.0, 1.0)>]
      WarmUp: float
      [<Setting(0.34, Needed.InTraining, "schedule step: share of the steps after which the rate is multiplied by 0.1, again and again")>]
      [<Within(0.001, 1.0)>]
      DecayEvery: float
      [<Setting(0.0, Needed.InTraining, "largest allowed length of the gradient; 0 for no limit")>]
      [<Within(0.0, 1e9)>]
      Clip: float
      [<Setting(0.0,
                Needed.InTraining,
                "decay of a running average of the weights and of the statistics of norms, such as 0.99: evaluated and kept in place of the weights of a step; 0 for none")>]
      [<Within(0.0, 0.999999)>]
      Average: float
      [<Setting(1500, Needed.InTraining, "training steps; ignored if epochs is given")>]
      [<AtLeast 1>]
      Steps: int
      [<Setting(0.0, Needed.InTraining, "training length in epochs (images / batch steps each); 0 to go by steps")>]
      [<Within(0.0, 1e6)>]
      Epochs: float
      [<Section "Batches">]
      [<Setting(64, Needed.InTraining, "images in a batch")>]
      [<AtLeast 2>]
      Batch: int
      [<Setting(0,
                Needed.InTraining,
                "how many images of a batch go through the encoder at a time, to save memory: once for their features and once more, after the loss of the whole batch, for the gradients, which are the same; 0 for all at once. Needs freeze_norm true where the encoder has BatchNorms")>]
      [<AtLeast 0>]
      MicroBatch: int
      [<Setting(4, Needed.InTraining, "images of each class in a batch (m-per-class)")>]
      [<AtLeast 2>]
      PerClass: int
      [<Setting("m-per-class",
                Needed.InTraining,
                "how batches are drawn: m-per-class, hierarchical (every combination of categories in turn), category-balanced (categories by chance), plain (shuffled images), pairs (alike pairs of the table pairs)")>]
      Sampler: Choices.Sampler
      [<Setting(2,
                Needed.InTraining,
                "hierarchical, category-balanced: categories (super-classes) in a batch, each with the same number of images")>]
      [<AtLeast 1>]
      CategoriesPerBatch: int
      [<Setting(4, Needed.InTraining, "hierarchical: batches of each combination of categories in an epoch")>]
      [<AtLeast 1>]
      BatchesPerCombination: int
      [<Section "Images">]
      [<Setting(48, Needed.Always, "side of the square images that the network sees, in pixels")>]
      [<AtLeast 16>]
      Size: int
      [<Section "Machine and seed">]
      [<Setting(0, Needed.InTraining, "seed of the parameters, the batches and the augmentation")>]
      Seed: int
      [<Setting("float32",
                Needed.InTraining,
                "precision of the encoder during training: float32, bfloat16 (half the memory, and faster where the processor has AVX512-BF16 or AMX, or the GPU tensor cores; parameters, norms, embeddings and losses stay float32)")>]
      Precision: Choices.Precision }
