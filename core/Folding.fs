/// At test time a norm is a fixed linear map, so the convolution before it can do its work: its weights are scaled and it gets a bias, which
/// saves a pass over its output. A network built with `Norms.Batch` and the same network built with `Norms.Folded` compute the same function, once the
/// parameters are converted here. The parameters used in training do not change.
module CondEmbed.Folding

open CondEmbed.Layers
open TorchSharp

/// A convolution and the norm that follows it, by the names of their parameters.
type private Fold = { Convolution: string; Norm: string }

let private ofNorm fold = [ for part in [ "weight"; "bias"; "running_mean"; "running_var" ] -> $"{fold.Norm}.{part}" ]
let private ofConvolution fold = [ for part in [ "weight"; "bias" ] -> $"{fold.Convolution}.{part}" ]

/// The folded network has biases of convolutions that the other lacks. Each replaces the norm that follows the convolution in the other.
let private folds (apart: ParamSpec list) (folded: ParamSpec list) : Fold list =
    let declared = set [ for spec in apart -> spec.Name ]
    let next = Map [ for spec, next in List.pairwise apart -> spec.Name, next.Name ]
    let owner (name: string) = name.Substring(0, max 0 (name.LastIndexOf '.'))

    [ for spec in folded do
          if not (declared.Contains spec.Name) then
              match next.TryFind $"{owner spec.Name}.weight" with
              | Some norm -> { Convolution = owner spec.Name; Norm = owner norm }
              | None ->
                  invalidArg
                      (nameof folded)
                      $"'{spec.Name}' is not the bias of a convolution with a norm: build both networks from the same description." ]

/// weight * gamma / sqrt(variance + epsilon) and beta - mean * gamma / sqrt(variance + epsilon), computed in float64 and
/// returned in the weight's type, channels-last in memory like images. The much larger intermediate results are freed here.
let private convolutionOf (parameters: Params) fold : (string * Tensor) list =
    use scope = torch.NewDisposeScope()
    let weight = parameters[$"{fold.Convolution}.weight"]
    let norm part = parameters[$"{fold.Norm}.{part}"].``to`` float64
    let scale = norm "weight" * (norm "running_var" + NormEpsilon).rsqrt()
    let scaled = weight.``to`` float64 * scale.reshape (-1L, 1L, 1L, 1L)
    let bias = norm "bias" - norm "running_mean" * scale

    [ channelsLast (scaled.``to`` weight.dtype); bias.``to`` (weight.dtype, copy = true) ]
    |> List.map scope.MoveToOuter
    |> List.zip (ofConvolution fold)

let private convolutions folds parameters = withoutGradient (fun () -> folds |> List.collect (convolutionOf parameters))

/// The parameters with those of convolutions and norms replaced.
let private replaced folds (parameters: Params) fresh =
    let gone = set (folds |> List.collect (fun fold -> ofNorm fold @ ofConvolution fold))
    let kept = Params.toSeq parameters |> Seq.filter (fun (name, _) -> not (gone.Contains name))
    Params.ofSeq (Seq.append kept fresh)

/// The parameters of the folded network, made from those of the network with separate norms; each network is given by its specs. The parameters of convolutions are new tensors
/// in the caller's scope; all others, even those of other networks, are the same tensors. No gradients.
let parameters (apart: ParamSpec list) (folded: ParamSpec list) (parameters: Params) : Params =
    let folds = folds apart folded
    convolutions folds parameters |> replaced folds parameters

/// Folded parameters, made when first needed and kept until `Forget` says that the parameters have changed. Disposing frees the folded parameters,
/// not the original ones.
[<Sealed>]
type Kept(apart: ParamSpec list, folded: ParamSpec list, unfolded: unit -> Params) =
    let folds = folds apart folded
    let mutable kept: ((string * Tensor) list * Params) option = None

    let make () =
        let unfolded = unfolded ()
        let fresh = [ for name, tensor in convolutions folds unfolded -> name, own tensor ]
        fresh, replaced folds unfolded fresh

    /// The parameters to run the folded network with.
    member _.Parameters =
        if kept.IsNone then kept <- Some(make ())
        snd kept.Value

    /// The parameters have changed, or may have.
    member _.Forget() =
        for fresh, _ in Option.toList kept do
            for _, tensor in fresh do
                tensor.Dispose()

        kept <- None

    interface System.IDisposable with
        member this.Dispose() = this.Forget()
