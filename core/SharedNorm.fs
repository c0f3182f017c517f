/// BatchNorm in training, of a batch that a team shares: libtorch's own kernels, with the statistics and the gradients' sums of all shares.
module internal CondEmbed.SharedNorm

open TorchSharp

type private F = torch.nn.functional

/// Kernels that TorchSharp has no names for.
let private native =
    lazy
        (torch.jit.compile
            """
def statistics(x: Tensor, mean: Tensor, variance: Tensor) -> List[Tensor]:
    mean, variance = torch.batch_norm_update_stats(x, mean, variance, 1.0)
    return [mean, variance]

def slopes(slope: Tensor, x: Tensor, weight: Tensor, mean: Tensor, variance: Tensor, epsilon: float) -> List[Tensor]:
    _, ofWeight, ofBias = torch.native_batch_norm_backward(slope, x, weight, mean, variance, None, None, False, epsilon, [False, True, True])
    return [ofWeight, ofBias]
""")

let private invoke (kernel: string) (arguments: obj array) = native.Value.invoke (kernel, arguments) :?> Tensor array

/// C's -> N k C: of all processes.
let private ofAll (team: Team) (values: Tensor array) = team.Gather((torch.stack (values, 0L)).unsqueeze 0L)

/// The mean and variance of a batch from those (N 2 C) of shares of one size: Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979.
let joined (shares: Tensor) : Tensor * Tensor =
    let means, variances = shares.select (1L, 0L), shares.select (1L, 1L)
    let mean = means.mean [| 0L |]
    mean, (variances + (means - mean).square()).mean [| 0L |]

/// B C ..., a share of a batch, and a tensor of the precision to compute in -> C, C: the mean and variance of each channel over the whole batch. No gradient.
let private statistics team (x: Tensor) (like: Tensor) =
    let empty () = torch.zeros_like (like, requires_grad = false)
    invoke "statistics" [| x; empty (); empty () |] |> ofAll team |> joined

/// B C ..., a share of a batch, weight and bias (C) -> in its shape, each channel to mean 0 and deviation 1 over the whole batch, then scaled and shifted; and that mean and variance (C),
/// without gradients.
///
/// With x^ = (x - mean) / deviation, the slope g of the result, and sums over all n numbers of a channel, the slope of x is weight / deviation (g - sum(g) / n - x^ sum(g x^) / n): Ioffe and
/// Szegedy 2015, section 3.
let normalised (team: Team) epsilon (x: Tensor) (weight: Tensor) (bias: Tensor) : Tensor * Tensor * Tensor =
    let mean, variance = withoutGradient (fun () -> statistics team x weight)
    let numbers = float (x.numel () / x.shape[1] * int64 team.Size)

    let forward (tensors: Tensor array) = F.batch_norm (tensors[0], mean, variance, tensors[1], tensors[2], training = false, eps = epsilon)

    let backward (kept: Tensor array) (slope: Tensor) =
        let x, weight, mean, variance = kept[0], kept[1], kept[2], kept[3]
        let own = invoke "slopes" [| slope; x; weight; mean; variance; epsilon |]
        let sums = (ofAll team own).sum 0L / numbers
        let inverse = (variance + epsilon).rsqrt()
        let scale = weight * inverse
        let ofChannels (values: Tensor) = values.reshape [| for side in 0L .. x.dim () - 1L -> if side = 1L then -1L else 1L |]
        // x - mean comes first: where a channel hardly varies, x times its large factor would drown what is left.
        let common =
            (ofChannels -(scale * sums[1])).addcmul(x - ofChannels mean, ofChannels -(scale * inverse * sums[0]), scalar 1.0)

        [| common.addcmul_ (slope, ofChannels scale, scalar 1.0); own[0]; own[1] |]

    let found =
        Team.differentiated
            forward
            (fun kept slope -> withoutGradient (fun () -> backward kept slope))
            [| x; weight; mean; variance |]
            [| x; weight; bias |]

    found, mean, variance
