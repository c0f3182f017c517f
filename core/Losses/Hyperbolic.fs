module CondEmbed.Losses.Hyperbolic

open CondEmbed
open TorchSharp

/// How close to the edge of the ball a point may be, as a share of its radius, and how close to 1 a ratio may be: the precision of the type.
let private edges (x: Tensor) =
    match x.dtype with
    | torch.ScalarType.Float64
    | torch.ScalarType.Float32 -> 1e-3, 1e-5
    | _ -> 2e-2, 1e-2

/// B D -> B D: into the Poincare ball of curvature -c from the tangent space at its centre, tanh(sqrt(c) |x|) x / (sqrt(c) |x|), after clipping the length
/// to a radius (Guo et al., CVPR 2022).
let toBall (curvature: float) (radius: float) (x: Tensor) =
    let root = sqrt curvature
    // The length of a zero embedding has no gradient, and the ratio below does not need one there.
    let squared = (x * x).sum(-1L, keepdim = true)
    let length = torch.where(squared |> greaterThan 1e-24, squared, torch.full_like (squared, scalar 1e-24)).sqrt()
    let clipped = length.clamp_max (scalar radius)
    x / length * (root * clipped).tanh().clamp_max(scalar (1.0 - fst (edges x))) / root

/// B D, B D in the ball -> B B: the geodesic distance 2 / sqrt(c) artanh(sqrt(c) |(-x) + y|), + the Mobius addition. By
/// |(-x) + y|^2 = |x - y|^2 / (1 - 2c x.y + c^2 |x|^2 |y|^2), which needs B B numbers only. Ungar 2008; Khrulkov et al., CVPR 2020, eq. 4.
let distance (curvature: float) (x: Tensor) (y: Tensor) =
    let root = sqrt curvature
    let xx, yy, xy = (x * x).sum(-1L).unsqueeze 1L, (y * y).sum(-1L).unsqueeze 0L, matmul x (y.t ())
    let apart = (xx + yy - 2.0 * xy).clamp_min(scalar 0.0)
    let below = (1.0 - 2.0 * curvature * xy + curvature * curvature * xx * yy).clamp_min(scalar (fst (edges x) ** 2.0))
    let ratio = curvature * apart / below
    let away = ratio.detach () |> greaterThan 1e-14
    let safe = torch.where(away, ratio, torch.full_like (ratio, scalar 0.25)).sqrt().clamp_max(scalar (1.0 - snd (edges x)))
    2.0 / root * safe.atanh () * away.``to`` x.dtype

/// embeddings B D of any length, labels B -> scalar: the cross-entropy of pairs, NT-Xent on minus the hyperbolic distance: a positive pair's term is
/// -log(e^(-d_ap/t) / (e^(-d_ap/t) + sum_N e^(-d_an/t))). Ermolov et al., Hyp-ViT, CVPR 2022, eqs. 4 and 5.
let loss (temperature: float) (curvature: float) (radius: float) reduce (embeddings: Tensor) (labels: Tensor) =
    let points = toBall curvature radius embeddings
    NTXent.loss temperature reduce (Mining.all labels) (-(distance curvature points points))

let part =
    Part.define "hyperbolic" "Ermolov et al., CVPR 2022" {
        let! temperature = Setting.positive "temperature" 0.2 "divides the distances"
        and! curvature = Setting.positive "curvature" 0.1 "c: the ball has the curvature -c"
        and! radius = Setting.positive "radius" 2.3 "embeddings are clipped to this length"
        and! reduce = Reducers.setting "mean"
        let loss = loss temperature curvature radius reduce
        return OnEmbeddings(Layer.lift (fun (embeddings, labels) -> loss embeddings labels))
    }
