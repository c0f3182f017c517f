/// Norms at test time are linear maps with fixed numbers, so the convolution before a norm can do its work: its weights are scaled and it gets a bias, which
/// saves a pass over everything that it makes. The parameters of the training stay what they are; these are others beside them.
module CondEmbed.Folding

open CondEmbed.Layers
open TorchSharp

let private ofNorm (fold: Fold) = [ for part in [ "weight"; "bias"; "running_mean"; "running_var" ] -> $"{fold.Norm}.{part}" ]
let private ofConvolution (fold: Fold) = [ for part in [ "weight"; "bias" ] -> $"{fold.Convolution}.{part}" ]

/// The layer with its norms folded: it declares a bias for each convolution that had a norm, and no such norm. It runs at test time alone.
let layer (layer: Layer<'In, 'Out>) : Layer<'In, 'Out> =
    let gone = set (layer.Folds |> List.collect ofNorm)
    let biases = Map [ for fold in layer.Folds -> $"{fold.Convolution}.weight", $"{fold.Convolution}.bias" ]

    let specs =
        [ for spec in layer.Specs do
              if not (gone.Contains spec.Name) then spec

              match biases.TryFind spec.Name with
              | Some bias -> { spec with Name = bias; Shape = [ spec.Shape.Head ]; Init = Constant 0.0 }
              | None -> () ]

    let forward env input =
        if env.Mode = Training then
            Layer.refuse "Its norms are folded into its convolutions, so there is nothing to train: train the layer that it was made from."

        layer.Forward env input

    if layer.Folds.IsEmpty then layer else { Specs = specs; Forward = forward; Folds = [] }

/// weight * gamma / sqrt(variance + epsilon) and beta - mean * gamma / sqrt(variance + epsilon), computed in float64: of the weight's type, and channels-last
/// in memory as pictures are. What is made on the way, several times as much, is freed here.
let private folded (parameters: Params) (fold: Fold) : (string * Tensor) list =
    use scope = torch.NewDisposeScope()
    let weight = parameters[$"{fold.Convolution}.weight"]
    let norm part = parameters[$"{fold.Norm}.{part}"].``to`` float64
    let scale = norm "weight" * (norm "running_var" + NormEpsilon).rsqrt()
    let scaled = weight.``to`` float64 * scale.reshape (-1L, 1L, 1L, 1L)
    let bias = norm "bias" - norm "running_mean" * scale

    [ channelsLast (scaled.``to`` weight.dtype); bias.``to`` (weight.dtype, copy = true) ]
    |> List.map scope.MoveToOuter
    |> List.zip (ofConvolution fold)

/// The parameters of a folded layer out of those of the layer. The convolutions' are new and belong to the caller's scope; all others, also of what is not of
/// this layer, are the same tensors. No gradients.
let parameters (layer: Layer<'In, 'Out>) (parameters: Params) : Params =
    withoutGradient (fun () ->
        let fresh = layer.Folds |> List.collect (folded parameters)

        let gone =
            set
                [ for fold in layer.Folds do
                      yield! ofNorm fold @ ofConvolution fold ]

        let kept = Params.toSeq parameters |> Seq.filter (fun (name, _) -> not (gone.Contains name))
        Params.ofSeq (Seq.append kept fresh))

/// The folded parameters of a layer, made when they are first wanted and kept until somebody who changes the parameters says so. Disposing frees what was
/// made, and not the parameters.
[<Sealed>]
type Kept<'In, 'Out>(layer: Layer<'In, 'Out>, unfolded: Params) =
    let mutable kept: Params option = None

    let make () =
        use scope = torch.NewDisposeScope()
        let made = parameters layer unfolded

        for fold in layer.Folds do
            for name in ofConvolution fold do
                scope.Detach made[name] |> ignore

        made

    /// What a folded layer runs with.
    member _.Parameters =
        if kept.IsNone then kept <- Some(make ())
        kept.Value

    /// The parameters have changed, or may have.
    member _.Forget() =
        for made in Option.toList kept do
            for fold in layer.Folds do
                for name in ofConvolution fold do
                    made[name].Dispose()

        kept <- None

    interface System.IDisposable with
        member this.Dispose() = this.Forget()
