/// Which pairs of a batch are compared, and how tensors about them are laid out.
namespace CondEmbed

open TorchSharp

/// Ordered pairs (i|j), image i in the light of image j, as N Q ... : all queries to one image are in one row of N.
[<RequireQualifiedAccess>]
type Pairing =
    /// N = Q = B: row i, column j.
    | All
    /// E pairs {i, j}, E of int64 each: N = 2E, Q = 1, the E (first|second) and then the E (second|first).
    | Chosen of first: Tensor * second: Tensor
    /// n images and n others, n of int64 each: N = 2n, Q = n, each of the first with each of the second, and then each of the second with each of the first.
    | Square of first: Tensor * second: Tensor
    /// `All`, of which this process of a team has its own images' rows: N = n, Q = B.
    | Rows of Team
    /// `Square`, of which this process has its own images' rows: N = 2n / size, Q = n. Of both groups each process has the same number, in the order of the processes.
    | RowsOfSquare of Team * first: Tensor * second: Tensor
    /// `Chosen`, of which this process of a team has those that read one of its images: N = e, Q = 1.
    | Parted of TeamPairs.Chosen

module Pairing =
    /// B ..., of a team's process n ... -> N ...: what belongs to the image that is read.
    let ofImages pairing (x: Tensor) =
        match pairing with
        | Pairing.All
        | Pairing.Rows _ -> x
        | Pairing.Parted pairs -> TeamPairs.ofImages pairs x
        | Pairing.RowsOfSquare(team, first, second) -> x.index_select (0L, TeamPairs.ownPlaces team x.shape[0] [ first; second ])
        | Pairing.Chosen(first, second)
        | Pairing.Square(first, second) -> x.index_select (0L, torch.cat ([| first; second |], 0L))

    /// B D -> N Q D: e_i as the embedding of i in the light of any j.
    let unconditional pairing (embeddings: Tensor) =
        let read, asked =
            match pairing with
            | Pairing.All -> embeddings, embeddings.shape[0]
            | Pairing.Chosen _ -> ofImages pairing embeddings, 1L
            | Pairing.Square(first, _) -> ofImages pairing embeddings, first.shape[0]
            | Pairing.Rows team -> Team.ownOf team embeddings, embeddings.shape[0]
            | Pairing.Parted pairs -> TeamPairs.ofAll pairs pairs.Images embeddings, 1L
            | Pairing.RowsOfSquare(team, first, second) -> ofImages pairing (Team.ownOf team embeddings), first.shape[0]

        read.unsqueeze(1L).expand(-1L, asked, -1L)

    /// N Q ... -> N Q ...: of (i|j) what is known of (j|i).
    let reversed pairing (x: Tensor) =
        match pairing with
        | Pairing.All -> x.transpose (0L, 1L)
        | Pairing.Chosen(first, _) -> x.roll (first.shape[0], 0L)
        | Pairing.Square(first, _) ->
            let half start = x.narrow(0L, start, first.shape[0]).transpose(0L, 1L)
            torch.cat ([| half first.shape[0]; half 0L |], 0L)
        | Pairing.Rows team -> TeamPairs.transposed team x
        | Pairing.Parted pairs -> TeamPairs.reversed pairs x
        | Pairing.RowsOfSquare(team, _, _) ->
            let half = x.shape[0] / 2L
            torch.cat ([| for start in [ half; 0L ] -> TeamPairs.transposed team (x.narrow (0L, start, half)) |], 0L)

    /// B D -> N Q D: e_j for any (i|j).
    let ofOthers pairing (embeddings: Tensor) =
        match pairing with
        | Pairing.Rows team -> embeddings.unsqueeze(0L).expand(embeddings.shape[0] / int64 team.Size, -1L, -1L)
        | Pairing.Parted pairs -> (TeamPairs.ofAll pairs pairs.Others embeddings).unsqueeze 1L
        | Pairing.RowsOfSquare(team, first, second) ->
            let columns (group: Tensor) =
                embeddings.index_select(0L, group).unsqueeze(0L).expand(group.shape[0] / int64 team.Size, -1L, -1L)

            torch.cat ([| columns second; columns first |], 0L)
        | _ -> reversed pairing (unconditional pairing embeddings)

    /// N Q, symmetric -> B B, E, or n n flattened; for all processes of a team the same.
    let once pairing (x: Tensor) =
        match pairing with
        | Pairing.All -> x
        | Pairing.Rows team -> Team.gathered team x
        | Pairing.Parted pairs -> (TeamPairs.whole pairs x).narrow(0L, 0L, pairs.Images.shape[0] / 2L).flatten()
        | Pairing.RowsOfSquare(team, _, _) -> (Team.gathered team (x.narrow (0L, 0L, x.shape[0] / 2L))).flatten()
        | Pairing.Chosen(first, _)
        | Pairing.Square(first, _) -> x.narrow(0L, 0L, first.shape[0]).flatten()

    /// E of each, E -> B B, symmetric; pairs that were not chosen are 0.
    let matrix (count: int64) (first: Tensor, second: Tensor) (x: Tensor) =
        let places = torch.cat ([| first * count + second; second * count + first |], 0L)
        x.new_zeros([| count * count |]).index_add(0L, places, torch.cat ([| x; x |], 0L), scalar 1.0).reshape(count, count)

    /// Pairs of places as pairs of the images that are there.
    let ofPlaces (at: Tensor -> Tensor) pairing =
        match pairing with
        | Pairing.Square(first, second) -> Pairing.Square(at first, at second)
        | Pairing.Chosen(first, second) -> Pairing.Chosen(at first, at second)
        | _ -> pairing

    /// The same pairs of B images, as this process of a team has them. A square's groups are as `TeamPairs.groups` orders them.
    let ofTeam (team: Team) count pairing =
        match pairing with
        | Pairing.All when Team.isShared team -> Pairing.Rows team
        | Pairing.Chosen(first, second) when Team.isShared team -> Pairing.Parted(TeamPairs.chosen team count first second)
        | Pairing.Square(first, second) when Team.isShared team -> Pairing.RowsOfSquare(team, first, second)
        | _ -> pairing

    /// N Q ... -> 2E Q ...: what all processes know of chosen pairs.
    let whole pairing (x: Tensor) =
        match pairing with
        | Pairing.Parted pairs -> TeamPairs.whole pairs x
        | _ -> x

    /// K, positives B B of bool, similarities B B -> E, E: the pairs of each image with the K others that are most similar to it (all B - 1 if there are fewer)
    /// and with its positives; and B B of bool that marks them. Positives always count, since no loss can pull together what it does not see. No gradient.
    let nearest (k: int) (positive: Tensor) (similarities: Tensor) =
        withoutGradient (fun () ->
            let count = similarities.shape[0]
            let itself = torch.eye (count, dtype = torch.bool, device = similarities.device)
            let struct (_, places) = similarities.masked_fill(itself, scalar -infinity).topk(int (min (int64 k) (count - 1L)), 1)
            let near = torch.zeros_like(positive).scatter(1L, places, torch.ones_like(places).``to`` torch.bool)
            let marked = (near.logical_or positive).logical_and(itself.logical_not ())
            let either = marked.logical_or (marked.t ())
            let pairs = (either.triu 1L).nonzero()
            (pairs.select (1L, 0L), pairs.select (1L, 1L)), either)

    /// The chosen pairs in pieces of at most `size`.
    let pieces (size: int) (first: Tensor, second: Tensor) =
        [ for first, second in Seq.zip (first.split (int64 size)) (second.split (int64 size)) -> Pairing.Chosen(first, second) ]

    /// All pairs of the images 0 .. B-1 (an int64 tensor) in squares of n x n, repeating the last image if B is not a multiple of n. Returns the squares; E,
    /// the flat positions of the pairs {i, j}, each pair once; and E, E, their images.
    let squares (n: int) (images: Tensor) =
        let count, side = images.shape[0], int64 n
        let group (start: int64) = torch.cat([| images; images.new_full ([| side |], count.ToScalar()) |], 0L).narrow(0L, start, side)
        let groups = [ for start in 0L .. side .. count - 1L -> group start ]

        let both =
            [ for i, a in List.indexed groups do
                  for b in List.skip i groups -> a, b ]

        let inside (group: Tensor) = group.clamp_max ((count - 1L).ToScalar())
        let first = torch.cat ([| for a, _ in both -> a.repeat_interleave side |], 0L)
        let second = torch.cat ([| for _, b in both -> b.repeat side |], 0L)
        let kept = (first.lt(second).logical_and(second.lt (count.ToScalar()))).nonzero().squeeze 1L

        [ for a, b in both -> Pairing.Square(inside a, inside b) ], kept, (first.index_select (0L, kept), second.index_select (0L, kept))
