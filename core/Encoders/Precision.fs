/// Encoders that compute in bfloat16 while they train: half the memory, and faster where the processor or GPU has instructions for it. The parameters stay
/// float32 and are rounded again in each step (Micikevicius et al., "Mixed Precision Training", ICLR 2018, section 3.1). bfloat16 has the range of float32, so
/// no gradient has to be scaled (Kalamkar et al., "A Study of BFLOAT16 for Deep Learning Training", 2019).
module CondEmbed.Precision

open CondEmbed.Encoders
open TorchSharp

/// The names of the leaves that are rounded: all except statistics and norms, whose weights have one dimension.
let private rounded (specs: ParamSpec list) =
    let ownerOf (name: string) = name.Substring(0, name.LastIndexOf '.' + 1)

    let norms =
        set
            [ for spec in specs do
                  if spec.Shape.Length = 1 && spec.Name.EndsWith("weight", System.StringComparison.Ordinal) then ownerOf spec.Name ]

    set
        [ for spec in specs do
              if spec.Role = Trainable && not (norms.Contains(ownerOf spec.Name)) then spec.Name ]

let private toFloat32 (x: Tensor) = x.``to`` float32

/// B 3 H W -> the same features in float32, from an encoder that computes in bfloat16 during training. At test time nothing changes.
let bfloat16 (encoder: Layer<Tensor, Features>) : Layer<Tensor, Features> =
    let rounded = rounded encoder.Specs

    let change name (leaf: Tensor) = if rounded.Contains name then leaf.``to`` torch.bfloat16 else leaf
    let inBfloat16 env = { env with Params = Params.whenAsked change env.Params }

    let forward env (x: Tensor) =
        match env.Mode with
        | Testing -> encoder.Forward env x
        | Training ->
            let features = encoder.Forward (inBfloat16 env) (x.``to`` torch.bfloat16)

            { Map = toFloat32 features.Map
              Earlier = List.map toFloat32 features.Earlier
              Token = Option.map toFloat32 features.Token }

    { encoder with Forward = forward }
