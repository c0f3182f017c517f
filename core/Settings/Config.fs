namespace CondEmbed

open System
open System.ComponentModel

/// The settings of a run. Each is an option of the program, a key of its TOML file (`per_class`) and a property for C#.
type Config =
    { [<Section "Data">]
      [<Description("data: 'emoji', 'emoji-scenes' or 'emoji-singles' (these ship with the program), a folder of class folders, a CSV / TSV table, or the folder of a published set (see layout)")>]
      Data: string
      [<Description("how classes are divided: auto (as the data says, else hash), hash (of the names), first-half (of the sorted names)")>]
      [<OneOf("auto", "hash", "first-half")>]
      Split: string
      [<Description("share of the classes that are for training where the data does not say")>]
      [<Within(0.01, 0.99)>]
      TrainShare: float
      [<Description("share of the training classes that are held back for validation; 0 for none")>]
      [<Within(0.0, 0.9)>]
      ValidationShare: float
      [<Description("training and test may have the same classes, where the data says which pictures are for which: then new pictures of known classes are measured, and no classes are held back for validation")>]
      SharedClasses: bool
      [<Description("leave out pictures that cannot be read, instead of stopping before training")>]
      SkipBad: bool
      [<Description("what the data is: auto (recognised by what lies there), folder, cub (CUB-200-2011), cars (CARS196), sop (Stanford Online Products), in-shop, table")>]
      [<OneOf("auto", "folder", "cub", "cars", "sop", "in-shop", "table")>]
      Layout: string
      [<Description("go on with a published set of which something is missing; every result is then marked as of a subset")>]
      AllowSubset: bool
      [<Description("cut pictures to the boxes that a published set comes with, instead of using the whole pictures")>]
      Boxes: bool
      [<Section "Network">]
      [<Description("encoder: {encoders}")>]
      [<EncoderName>]
      Encoder: string
      [<Description("the encoder's weights to start from: .safetensors, or PyTorch's .pth, .pt or .bin; empty to start from nothing")>]
      Weights: string
      [<Description("refuse weights that leave a parameter of the encoder unset, or hold any that it does not know; weights of which next to nothing fits are always refused")>]
      StrictWeights: bool
      [<Description("which of several networks in the file of weights: a dictionary's key, as in state_dict_ema, or what its tensors' names begin with, as in module.encoder_k; empty for the usual one")>]
      WeightsPart: string
      [<Description("pooling before the embedding: class (the class token of a vit), mean, max, mean-max, gem, grid (6 x 6 fields, and mean-max)")>]
      [<PoolingName>]
      Pooling: string
      [<Description("D, features of an embedding; 0 for the pooled features of the encoder themselves, without levels")>]
      [<AtLeast 0>]
      Embedding: int
      [<Description("BatchNorm between pooling and embedding")>]
      HeadNorm: bool
      [<Description("BatchNorm keeps the statistics it started with")>]
      FreezeNorm: bool
      [<Description("parameters that stand still: patterns over their names, separated by commas, as in conv1*,bn1*,layer1*")>]
      Freeze: string
      [<Section "Conditional levels">]
      [<Description("levels of conditional embeddings while training; 0 for the baseline")>]
      [<Within(0.0, 16.0)>]
      Levels: int
      [<Description("heads of the cross-attention; divides the embedding")>]
      [<AtLeast 1>]
      Heads: int
      [<Description("each level adds to the level before it")>]
      Residual: bool
      [<Description("all levels share one set of attention weights")>]
      SharedLevels: bool
      [<Description("weight of each level's loss beside the loss of the unconditional embeddings")>]
      [<Within(0.0, 1e6)>]
      LevelWeight: float
      [<Description("what a level reads of a token: own (a projection of its own), head (the head's projection, without one of the result; needs pooling mean)")>]
      [<OneOf("own", "head")>]
      LevelValues: string
      [<Description("what a level asks with: previous (the other image's embedding of the level before), unconditional (the other image's unconditional embedding)")>]
      [<OneOf("previous", "unconditional")>]
      LevelQuery: string
      [<Description("what follows the attention of a level: nothing, norm (LayerNorm), feed-forward (LayerNorm and two layers, added)")>]
      [<OneOf("nothing", "norm", "feed-forward")>]
      LevelAfter: string
      [<Description("code of the places of tokens, for the keys: none, sine, learned")>]
      [<OneOf("none", "sine", "learned")>]
      LevelPosition: string
      [<Description("tokens that the levels read: last (of the encoder's last stage), stages (of one stage each, from the last to finer ones)")>]
      [<OneOf("last", "stages")>]
      LevelTokens: string
      [<Description("similarity of a pair on a level: mutual (both conditional embeddings), one-sided (a conditional and the other's unconditional, mean of both sides)")>]
      [<OneOf("mutual", "one-sided")>]
      LevelSimilarity: string
      [<Description("levels that have a loss: every, last")>]
      [<OneOf("every", "last")>]
      LevelLossOn: string
      [<Description("what the levels' loss trains: all, levels (the levels alone; encoder and head then learn from them by distillation)")>]
      [<OneOf("all", "levels")>]
      LevelGradients: string
      [<Description("share of the steps in which the weights of the levels' loss and of distillation rise from zero")>]
      [<Within(0.0, 1.0)>]
      LevelWarmUp: float
      [<Description("pairs on the levels: of each image with so many most similar others and with its own class; 0 for all")>]
      [<AtLeast 0>]
      LevelPairs: int
      [<Description("pairs on the levels that are computed at a time, and again for their gradients, to save memory; 0 for all at once")>]
      [<AtLeast 0>]
      LevelBlock: int
      [<Description("weight of the loss of the unconditional embeddings")>]
      [<Within(0.0, 1e6)>]
      UnconditionalWeight: float
      [<Description("weight of what the last level's similarities teach the unconditional ones; 0 for nothing")>]
      [<Within(0.0, 1e6)>]
      Distillation: float
      [<Description("temperature of distillation")>]
      [<Within(1e-3, 1e3)>]
      DistillationTemperature: float
      [<Section "Loss">]
      [<Description("loss of the unconditional embeddings, or a weighted sum, as in multi-similarity(beta=50) + 0.5 * proxy-anchor: {losses}")>]
      Loss: string
      [<Description("numbers for the loss, as in loss_settings.alpha=2")>]
      LossSettings: NamedNumbers
      [<Description("cross-batch memory: how many embeddings of earlier batches the loss also compares with; 0 for none")>]
      [<AtLeast 0>]
      Memory: int
      [<Description("steps before the memory counts")>]
      [<AtLeast 0>]
      MemoryStart: int
      [<Description("weight of the memory's loss beside the loss of the batch")>]
      [<Within(0.0, 1e6)>]
      MemoryWeight: float
      [<Description("loss of the levels; empty for the same as loss")>]
      LevelLoss: string
      [<Description("settings of the levels' loss, where they differ from loss_settings")>]
      LevelLossSettings: NamedNumbers
      [<Section "Optimiser">]
      [<Description("optimiser: adamw or sgd")>]
      [<OneOf("adamw", "sgd")>]
      Optimiser: string
      [<Description("base learning rate")>]
      [<Above 0.0>]
      Lr: float
      [<Description("factor of the learning rate for the embedding and the hierarchy")>]
      [<Within(0.0, 1e6)>]
      HeadLrFactor: float
      [<Description("factor of the learning rate for the hierarchy, on top of head_lr_factor")>]
      [<Within(0.0, 1e6)>]
      LevelLrFactor: float
      [<Description("factor of the learning rate for proxies")>]
      [<Within(0.0, 1e6)>]
      ProxyLrFactor: float
      [<Description("weight decay; norms and biases have none")>]
      [<Within(0.0, 1e3)>]
      WeightDecay: float
      [<Description("momentum of sgd")>]
      [<Within(0.0, 0.9999)>]
      Momentum: float
      [<Description("learning-rate schedule: cosine, step, constant")>]
      [<OneOf("cosine", "step", "constant")>]
      Schedule: string
      [<Description("share of the steps in which the learning rate rises from zero")>]
      [<Within(0.0, 1.0)>]
      WarmUp: float
      [<Description("schedule step: share of the steps after which the rate is multiplied by 0.1, again and again")>]
      [<Within(0.001, 1.0)>]
      DecayEvery: float
      [<Description("greatest length of the gradient; 0 for no bound")>]
      [<Within(0.0, 1e9)>]
      Clip: float
      [<Description("training steps; ignored where epochs is given")>]
      [<AtLeast 1>]
      Steps: int
      [<Description("training length in epochs (images / batch steps each); 0 to go by steps")>]
      [<Within(0.0, 1e6)>]
      Epochs: float
      [<Section "Batches">]
      [<Description("images in a batch")>]
      [<AtLeast 2>]
      Batch: int
      [<Description("images of each class in a batch (m-per-class)")>]
      [<AtLeast 2>]
      PerClass: int
      [<Description("how batches are drawn: m-per-class, hierarchical (every combination of categories in turn), category-balanced (categories by chance), plain (shuffled images)")>]
      [<OneOf("m-per-class", "hierarchical", "category-balanced", "plain")>]
      Sampler: string
      [<Description("hierarchical, category-balanced: categories (super-classes) in a batch, each with as many images")>]
      [<AtLeast 1>]
      CategoriesPerBatch: int
      [<Description("hierarchical: batches of each combination of categories in an epoch")>]
      [<AtLeast 1>]
      BatchesPerCombination: int
      [<Section "Pictures">]
      [<Description("side of the square pictures that the network sees, in pixels")>]
      [<AtLeast 16>]
      Size: int
      [<Description("short side to which test pictures are resized before the centre crop; 0 for size * 8 / 7 from 96 px on, else size. Where size is given and this is not, it follows: 256 / 224 of size where the default is 256")>]
      [<AtLeast 0>]
      Resize: int
      [<Description("resampling: bilinear or bicubic")>]
      [<OneOf("bilinear", "bicubic")>]
      Filter: string
      [<Description("colour behind transparent parts of pictures: a name such as white, or #rrggbb; none drops the transparency and shows the colours under it")>]
      Background: string
      [<Description("largest picture that is read, in millions of pixels; larger ones are refused")>]
      [<Within(0.001, 536.0)>]
      MaxMegapixels: float
      [<Description("geometry of training pictures: crop (random resized crop), shift (random shift, scale and turn), none")>]
      [<OneOf("crop", "shift", "none")>]
      Augment: string
      [<Description("crop: smallest share of the area; shift: smallest scale")>]
      [<Within(0.01, 10.0)>]
      ScaleMin: float
      [<Description("crop: greatest share of the area; shift: greatest scale")>]
      [<Within(0.01, 10.0)>]
      ScaleMax: float
      [<Description("shift: greatest shift as a share of the side")>]
      [<Within(0.0, 1.0)>]
      Shift: float
      [<Description("shift: greatest turn in degrees")>]
      [<Within(0.0, 180.0)>]
      Rotate: float
      [<Description("shift: what is around the picture: edge (its edge goes on), white, black")>]
      [<OneOf("edge", "white", "black")>]
      Surround: string
      [<Description("probability of a horizontal flip")>]
      [<Within(0.0, 1.0)>]
      Flip: float
      [<Description("colour jitter: brightness factor within 1 - b .. 1 + b")>]
      [<Within(0.0, 1.0)>]
      Brightness: float
      [<Description("colour jitter: contrast factor within 1 - c .. 1 + c")>]
      [<Within(0.0, 1.0)>]
      Contrast: float
      [<Description("colour jitter: saturation factor within 1 - s .. 1 + s")>]
      [<Within(0.0, 1.0)>]
      Saturation: float
      [<Description("colour jitter: hue shift within -h .. h turns, at most 0.5")>]
      [<Within(0.0, 0.5)>]
      Hue: float
      [<Description("probability of a grey picture")>]
      [<Within(0.0, 1.0)>]
      Grey: float
      [<Description("probability of erasing a random rectangle")>]
      [<Within(0.0, 1.0)>]
      Erase: float
      [<Description("folder for a file of the decoded pictures, from which later epochs and runs read instead of decoding; its pictures are shrunk to cache_side, which training sees and no measurement; empty for none")>]
      Cache: string
      [<Description("short side of the pictures in the cache, in pixels; smaller ones stay as they are")>]
      [<AtLeast 16>]
      CacheSide: int
      [<Section "Machine and seed">]
      [<Description("seed of the parameters, the batches and the augmentation")>]
      Seed: int
      [<Description("device: auto, cpu, cuda, cuda:N")>]
      Device: string
      [<Description("numbers that the encoder computes in while training: float32, bfloat16 (half the memory, and faster where the processor has AVX512-BF16 or AMX, or the GPU tensor cores; parameters, norms, embeddings and losses stay float32)")>]
      [<OneOf("float32", "bfloat16")>]
      Precision: string
      [<Description("threads that compute: torch, measuring, and reading pictures if workers is 0; 0 for one a core")>]
      [<AtLeast 0>]
      Threads: int
      [<Description("threads that read and augment pictures; 0 for as many as threads")>]
      [<AtLeast 0>]
      Workers: int
      [<Section "Measuring and keeping">]
      [<Description("steps between evaluations on the validation classes; 0 for none but the last")>]
      [<AtLeast 0>]
      EvaluateEvery: int
      [<Description("the K of Recall@K to keep, as in 1,10,100; empty for those that are usual for the data, else 1,2,4,8")>]
      RecallAt: string
      [<Description("measure NMI, AMI and F1 on the test classes too")>]
      Clustering: bool
      [<Description("steps between checkpoints; 0 for none but the last")>]
      [<AtLeast 0>]
      SaveEvery: int
      [<Description("write TensorBoard's event files too, into the folder 'tensorboard' of the run; it changes nothing in the training")>]
      Tensorboard: bool }
