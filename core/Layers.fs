/// The basic layers: those that declare parameters of their own, and functions of tensors without any.
module CondEmbed.Layers

open TorchSharp

type private F = torch.nn.functional

/// Refuses a size that is not above 0.
let private above0 name value = if value < 1 then invalidArg name $"{name} is {value}; it must be at least 1."

let private spec name shape role init = { Name = name; Shape = shape; Role = role; Init = init }

/// B In H W -> B Out H' W'. Square kernel. Declares `weight` and, if asked for, `bias`.
let private convolution (padding: int) withBias inputs outputs kernel stride : Layer<Tensor, Tensor> =
    above0 (nameof inputs) inputs
    above0 (nameof outputs) outputs
    above0 (nameof kernel) kernel
    above0 (nameof stride) stride
    let weight = spec "weight" [ int64 outputs; int64 inputs; int64 kernel; int64 kernel ] Trainable KaimingFanOut
    let bias = spec "bias" [ int64 outputs ] Trainable (Constant 0.0)

    let strides, padding = [| int64 stride; int64 stride |], [| int64 padding; int64 padding |]

    Layer.create [ weight; if withBias then bias ] (fun env x ->
        let weight = env.Params["weight"]
        ShapeChecks.map inputs x
        ShapeChecks.like weight x
        F.conv2d (x, weight, (if withBias then env.Params["bias"] else null), strides = strides, padding = padding))

/// B In H W -> B Out H' W'. Square kernel, padding kernel / 2, no bias (a norm follows). Declares `weight`.
let conv2d inputs outputs kernel stride = convolution (kernel / 2) false inputs outputs kernel stride

/// B In H W -> B Out H/side W/side: a linear layer on each square of side x side pixels. Declares `weight` and `bias`.
let patches inputs outputs side = convolution 0 true inputs outputs side side

/// ... In -> ... Out. Declares `weight` and, if asked for, `bias`.
let private affine withBias init inputs outputs : Layer<Tensor, Tensor> =
    above0 (nameof inputs) inputs
    above0 (nameof outputs) outputs
    let weight = spec "weight" [ int64 outputs; int64 inputs ] Trainable init
    let bias = spec "bias" [ int64 outputs ] Trainable (Uniform(1.0 / sqrt (float inputs)))

    Layer.create [ weight; if withBias then bias ] (fun env x ->
        let weight = env.Params["weight"]
        ShapeChecks.features inputs x
        ShapeChecks.like weight x
        F.linear (x, weight, (if withBias then env.Params["bias"] else null)))

/// ... In -> ... Out, x W^T + b; initialised like torch's linear layer. Declares `weight` and `bias`.
let linear inputs outputs = affine true FanIn inputs outputs

/// ... In -> ... Out, x W^T; Xavier initialisation. Declares `weight`.
let projection inputs outputs = affine false Xavier inputs outputs

/// What `batchNorm` adds to a variance, as torch does.
[<Literal>]
let NormEpsilon = 1e-5

/// What `batchNorm` adds to running statistics of the new ones.
[<Literal>]
let private NormMomentum = 0.1

/// `batchNorm` in training, of a batch that a team shares.
let private batchNormOfAll (env: Env) (x: Tensor) =
    let normalised, mean, variance = SharedNorm.normalised env.Team NormEpsilon x env.Params["weight"] env.Params["bias"]
    let numbers = float (x.numel () / x.shape[1] * int64 env.Team.Size)

    let report name (value: Tensor) =
        env.Report name (withoutGradient (fun () -> env.Params[name] * (1.0 - NormMomentum) + value * NormMomentum))

    report "running_mean" mean
    report "running_var" (variance * (numbers / (numbers - 1.0)))
    normalised

/// B C H W -> B C H W, each channel to mean 0 and deviation 1 over the batch in training (that of the whole team), with the running statistics at test time, then
/// scaled and shifted. Reports `running_mean` and `running_var` (momentum 0.1, as torch); the forward pass changes nothing.
/// Ioffe and Szegedy 2015, algorithm 1.
let batchNorm channels : Layer<Tensor, Tensor> =
    above0 (nameof channels) channels
    let leaf name role start = spec name [ int64 channels ] role (Constant start)

    let specs =
        [ leaf "weight" Trainable 1.0
          leaf "bias" Trainable 0.0
          leaf "running_mean" Statistic 0.0
          leaf "running_var" Statistic 1.0 ]

    Layer.create specs (fun env x ->
        let weight, bias = env.Params["weight"], env.Params["bias"]
        let mean, variance = Layer.statistic env "running_mean", Layer.statistic env "running_var"
        ShapeChecks.norm channels env x

        match env.Mode with
        | Testing -> F.batch_norm (x, mean, variance, weight, bias, training = false)
        | Training when Team.isShared env.Team -> batchNormOfAll env x
        | Training ->
            // The fused kernel writes into the statistics it is given, so it gets copies, which are then reported.
            let mean, variance = mean.clone (), variance.clone ()

            let normalised = F.batch_norm (x, mean, variance, weight, bias, training = true, momentum = NormMomentum)

            env.Report "running_mean" mean
            env.Report "running_var" variance
            normalised)

/// How the norms after convolutions behave.
[<RequireQualifiedAccess>]
type Norms =
    /// Batch statistics in training, running statistics at test time.
    | Batch
    /// Running statistics, even in training.
    | Frozen
    /// No norms: each convolution has a bias and does the work of its norm, with parameters made by `Folding`. For test time only.
    | Folded

/// The layer at test time; it cannot be trained.
let private testedOnly (folded: Layer<Tensor, Tensor>) =
    Layer.create folded.Specs (fun env x ->
        if env.Mode = Training then
            Layer.refuse "its norm is folded into it, so there is nothing to train: train the network with separate norms."

        folded.Forward env x)

/// B In H W -> B Out H' W': a convolution under the first name and, unless it is folded, its norm under the second.
let convNorm norms (name, normName) inputs outputs kernel stride : Layer<Tensor, Tensor> =
    let convolution withBias = convolution (kernel / 2) withBias inputs outputs kernel stride
    let apart norm = Layer.named name (convolution false) --> Layer.named normName norm

    match norms with
    | Norms.Batch -> apart (batchNorm outputs)
    | Norms.Frozen -> apart (Layer.frozen (batchNorm outputs))
    | Norms.Folded -> Layer.named name (testedOnly (convolution true))

/// (B T C, B C) -> B T C: the tokens through the same map that `batchNorm` applies to the B C; linear in the tokens except for the statistics. Has the
/// parameters of `batchNorm`; reports nothing.
let batchNormOf channels : Layer<Tensor * Tensor, Tensor> =
    Layer.create (batchNorm channels).Specs (fun env (x, reference) ->
        let mean, variance =
            match env.Mode with
            | Training when Team.isShared env.Team ->
                torch.stack([| reference.mean [| 0L |]; reference.var (0L, false) |], 0L).unsqueeze 0L
                |> Team.gathered env.Team
                |> SharedNorm.joined
            | Training -> reference.mean [| 0L |], reference.var (0L, false)
            | Testing -> Layer.statistic env "running_mean", Layer.statistic env "running_var"

        (x - mean) * (env.Params["weight"] * (variance + NormEpsilon).rsqrt()) + env.Params["bias"])

/// ... D -> ... D, each vector to mean 0 and deviation sqrt(variance / (variance + epsilon)), then scaled and shifted. Ba, Kiros and Hinton 2016.
let layerNormOf epsilon features : Layer<Tensor, Tensor> =
    above0 (nameof features) features
    let leaf name start = spec name [ int64 features ] Trainable (Constant start)

    Layer.create [ leaf "weight" 1.0; leaf "bias" 0.0 ] (fun env x ->
        ShapeChecks.features features x
        let weight, bias = env.Params["weight"], env.Params["bias"]
        // Features of lower precision than the parameters are averaged in the precision of the parameters.
        F.layer_norm(x.``to`` weight.dtype, [| int64 features |], weight, bias, epsilon).``to`` x.dtype)

/// `layerNormOf` with torch's usual epsilon, 1e-5.
let layerNorm features = layerNormOf 1e-5 features

/// Any shape -> the same: max(x, 0).
let relu: Layer<Tensor, Tensor> = Layer.lift (fun x -> F.relu x)

/// Any shape -> the same: `relu` in place. Only for a value that the layer before has just made and that nothing else reads, not even for its
/// gradient; convolutions, norms and max(x, 0) itself do not.
let reluInPlace: Layer<Tensor, Tensor> = Layer.lift (fun x -> x.relu_ ())

/// Any shape -> the same: x times the normal distribution function of x. Hendrycks and Gimpel 2016.
let gelu: Layer<Tensor, Tensor> = Layer.lift (fun x -> F.gelu x)

/// Any shape -> the same: in training each number is set to zero with probability p and the rest are scaled by 1 / (1 - p). Draws from torch's
/// global generator.
let dropout (p: float) : Layer<Tensor, Tensor> = Layer.create [] (fun env x -> F.dropout (x, p, env.Mode = Training))

/// B C H W -> B C H' W', the maximum of each 3 x 3 window, stride 2.
let maxPool: Layer<Tensor, Tensor> = Layer.lift (fun x -> F.max_pool2d (x, kernel_size = 3L, stride = 2L, padding = 1L))

/// B C H W -> B C H' W', the mean of each 2 x 2 window, stride 2; at an odd edge, of the pixels there are.
let averagePool: Layer<Tensor, Tensor> =
    Layer.lift (fun x -> F.avg_pool2d (x, kernel_size = 2L, stride = 2L, ceil_mode = true, count_include_pad = false))

/// B C H W -> B C, the mean over all locations.
let meanPool: Layer<Tensor, Tensor> = Layer.lift (fun x -> (ShapeChecks.anyMap x).mean [| 2L; 3L |])

/// B C H W -> B C, the maximum over all locations.
let globalMaxPool: Layer<Tensor, Tensor> = Layer.lift (fun x -> (ShapeChecks.anyMap x).amax [| 2L; 3L |])

/// B C H W -> B C, mean plus maximum over all locations: Kim et al., Proxy-Anchor, CVPR 2020 (its code).
let meanMaxPool: Layer<Tensor, Tensor> =
    Layer.lift (fun x -> (ShapeChecks.anyMap x).mean [| 2L; 3L |] + x.amax [| 2L; 3L |])

/// B C H W -> B C, (mean over locations of x^p)^(1/p) with a learnable p that starts at 3: Radenovic, Tolias and Chum 2018, eq. 3.
let gemPool: Layer<Tensor, Tensor> =
    Layer.create [ spec "p" [ 1L ] Trainable (Constant 3.0) ] (fun env x ->
        let p = env.Params["p"]
        (ShapeChecks.anyMap x).clamp_min(scalar 1e-6).pow(p).mean([| 2L; 3L |]).pow(p.reciprocal ()))

/// ... D -> ... D at length 1; the zero vector stays zero.
let l2Normalise (x: Tensor) =
    // A product with one number per row has a cheaper gradient than the quotient in functional.normalize.
    x * torch.linalg.vector_norm(x, 2.0, [| -1L |], true).clamp_min(scalar 1e-12).reciprocal()

/// B H W 3 bytes -> unit. LayerException for anything else.
let private demandImages (pixels: Tensor) =
    let shape = pixels.shape
    let given = $"images are B H W 3 bytes; these are {pixels.dtype} {shapeText shape}"

    if shape.Length = 3 && shape[2] = 3L then
        Layer.refuse $"{given}. Make a batch of one: x.unsqueeze 0."
    elif shape.Length = 4 && shape[1] = 3L && shape[3] <> 3L then
        Layer.refuse $"{given}. Channels come last: x.permute (0, 2, 3, 1)."
    elif shape.Length <> 4 || shape[3] <> 3L then
        Layer.refuse $"{given}."
    elif pixels.dtype <> torch.uint8 then
        Layer.refuse $"{given}. Numbers from 0 to 1 become bytes by (255.0 * x).round().``to`` torch.uint8."

/// B H W 3 bytes -> B 3 H W, (x / 255 - mean) / deviation for each channel, in float32 and channels-last layout.
let normalisePixels (mean: float list) (deviation: float list) : Layer<Tensor, Tensor> =
    let perRow (pixels: Tensor) (values: float list) =
        torch.tensor(List.toArray values, dtype = float32, device = pixels.device).repeat [| pixels.shape[2] |]

    Layer.lift (fun pixels ->
        demandImages pixels
        let scale = perRow pixels [ for d in deviation -> 1.0 / (255.0 * d) ]
        let shift = perRow pixels (List.map2 (fun m d -> -m / d) mean deviation)
        // Three numbers are too few for vector instructions, so whole rows are scaled; and in place, since allocating copies of the batch costs more than the arithmetic.
        let rows = pixels.flatten(2L, 3L).``to``(float32).mul_(scale).add_ shift
        rows.reshape(pixels.shape).permute(0L, 3L, 1L, 2L))

/// B C H W -> B T C, one token per location, row by row.
let tokens (map: Tensor) = map.flatten(2L, 3L).transpose(1L, 2L)

/// Cells along each side of the grid of `gridPool`.
let private gridSide = 6L

/// B C H W -> B C g g: the means of a grid of cells, which of a map of the grid's own size are its numbers.
let private gridMeans (map: Tensor) =
    match (ShapeChecks.anyMap map).shape with
    | [| _; _; height; width |] when height = gridSide && width = gridSide -> map
    | _ -> F.adaptive_avg_pool2d (map, [| gridSide; gridSide |])

/// B C H W -> B 37C: the means of a grid of 6 x 6 cells, which keep the layout of the image, and mean plus maximum over all locations.
let gridPool: Layer<Tensor, Tensor> =
    let fields = Layer.lift (fun (x: Tensor) -> (gridMeans x).flatten 1L)

    let join = Layer.lift (fun (a: Tensor, b: Tensor) -> torch.cat ([| a; b |], 1L))
    Layer.both fields meanMaxPool --> join

/// The poolings by name, with the number of features they make per channel.
let poolings =
    [ "mean", 1, meanPool
      "max", 1, globalMaxPool
      "mean-max", 1, meanMaxPool
      "gem", 1, gemPool
      "grid", int (gridSide * gridSide) + 1, gridPool ]
