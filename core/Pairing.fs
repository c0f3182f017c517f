/// Which pairs of a batch are compared, and how what is known of them lies in a tensor.
namespace CondEmbed

open TorchSharp

/// Ordered pairs (i|j), image i in the light of image j, as N Q ... : all that are read of one image stand in a row of N.
[<RequireQualifiedAccess>]
type Pairing =
    /// N = Q = B: row i, column j.
    | All
    /// E pairs {i, j}, E of int64 each: N = 2E, Q = 1, the E (first|second) and then the E (second|first).
    | Chosen of first: Tensor * second: Tensor

module Pairing =
    /// B ... -> N ...: what belongs to the image that is read.
    let ofImages pairing (x: Tensor) =
        match pairing with
        | Pairing.All -> x
        | Pairing.Chosen(first, second) -> x.index_select (0L, torch.cat ([| first; second |], 0L))

    /// B D -> N Q D: e_i as the embedding of i in the light of any j.
    let unconditional pairing (embeddings: Tensor) =
        match pairing with
        | Pairing.All ->
            let count, features = embeddings.shape[0], embeddings.shape[1]
            embeddings.unsqueeze(1L).expand(count, count, features)
        | Pairing.Chosen _ -> (ofImages pairing embeddings).unsqueeze 1L

    /// N Q ... -> N Q ...: of (i|j) what is known of (j|i).
    let reversed pairing (x: Tensor) =
        match pairing with
        | Pairing.All -> x.transpose (0L, 1L)
        | Pairing.Chosen(first, _) -> x.roll (first.shape[0], 0L)

    /// N Q that are symmetric -> B B, or E.
    let once pairing (x: Tensor) =
        match pairing with
        | Pairing.All -> x
        | Pairing.Chosen(first, _) -> x.narrow(0L, 0L, first.shape[0]).squeeze(1L)

    /// B B, or E -> B B; pairs that were not chosen are 0.
    let matrix pairing (count: int64) (x: Tensor) =
        match pairing with
        | Pairing.All -> x
        | Pairing.Chosen(first, second) ->
            let places = torch.cat ([| first * count + second; second * count + first |], 0L)
            x.new_zeros([| count * count |]).index_add(0L, places, torch.cat ([| x; x |], 0L), scalar 1.0).reshape(count, count)

    /// K, positives B B of bool, similarities B B -> the pairs of each image with the K others that are most similar to it (all B - 1 where there are no more)
    /// and with its positives, and B B of bool that marks them. Positives always count, since no loss can pull together what it does not see. No gradient.
    let nearest (k: int) (positive: Tensor) (similarities: Tensor) : Pairing * Tensor =
        withoutGradient (fun () ->
            let count = similarities.shape[0]
            let itself = torch.eye (count, dtype = torch.bool, device = similarities.device)
            let struct (_, places) = similarities.masked_fill(itself, scalar -infinity).topk(int (min (int64 k) (count - 1L)), 1)
            let near = torch.zeros_like(positive).scatter(1L, places, torch.ones_like(places).``to`` torch.bool)
            let marked = (near.logical_or positive).logical_and(itself.logical_not ())
            let either = marked.logical_or (marked.t ())
            let pairs = (either.triu 1L).nonzero()
            Pairing.Chosen(pairs.select (1L, 0L), pairs.select (1L, 1L)), either)

    /// Pieces of at most so many pairs of chosen ones.
    let pieces (size: int) pairing =
        match pairing with
        | Pairing.All -> [ pairing ]
        | Pairing.Chosen(first, second) ->
            [ for first, second in Seq.zip (first.split (int64 size)) (second.split (int64 size)) -> Pairing.Chosen(first, second) ]
