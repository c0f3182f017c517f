/// What belongs to pairs of which a team shares the images: process r knows (i|j) for its own i, and (j|i) has to come from the owner of j.
module CondEmbed.TeamPairs

open TorchSharp

/// n m ..., what each process knows of its n images by the m images of all, in the order of the processes -> n m ...: of (i|j) what the owner of j knows of (j|i). m = N n.
let transposed (team: Team) (x: Tensor) : Tensor =
    let rest = [| for side in 2L .. x.dim () - 1L -> side + 1L |]
    let parts = x.unflatten (1L, [| int64 team.Size; -1L |])
    // N, their images, own images, ...
    let sent = parts.permute([| 1L; 2L; 0L; yield! rest |]).flatten(0L, 1L)
    let received = Team.exchanged team sent
    received.unflatten(0L, [| int64 team.Size; -1L |]).transpose(0L, 1L).flatten(1L, 2L)

/// The side of a square of images to which each process adds the same number of its own, at most the given one where it can be, and the order of B images, 0 .. B-1, in which such groups are in succession.
let groups (team: Team) (side: int) (images: Tensor) : int * Tensor =
    if not (Team.isShared team) then
        side, images
    else
        let own = int images.shape[0] / team.Size
        let each = seq { max 1 (min own (side / team.Size)) .. -1 .. 1 } |> Seq.find (fun each -> own % each = 0)
        each * team.Size, images.reshape(int64 team.Size, -1L, int64 each).transpose(0L, 1L).flatten()

/// Groups of images, each process's in succession -> the places of this one's among its own n.
let ownPlaces (team: Team) (own: int64) (groups: Tensor list) : Tensor =
    torch.cat ([| for group in groups -> Team.ownOf team group - (int64 team.Rank * own).ToScalar() |], 0L)

/// 2E ordered pairs, of which each process has those that read one of its images.
[<NoComparison; NoEquality>]
type Chosen =
    {
        Team: Team
        /// 2E: the image that is read.
        Images: Tensor
        /// 2E: the image that asks.
        Others: Tensor
        /// The places in the list of this process's own.
        Own: Tensor
        /// The most that one process has.
        Most: int64
        /// 2E: the place of each when all processes' own are in succession, `Most` of each.
        Places: Tensor
    }

/// E, E pairs of B images -> (first|second) and then (second|first), shared out.
let chosen (team: Team) (count: int64) (first: Tensor) (second: Tensor) : Chosen =
    withoutGradient (fun () ->
        let images, others = torch.cat ([| first; second |], 0L), torch.cat ([| second; first |], 0L)
        let owners = images.div(scalar (float (count / int64 team.Size)), torch.RoundingMode.floor).``to`` int64'
        let ofOwner = (indices (int64 team.Size) images).unsqueeze(1L).eq owners
        let most = int64 (toFloat (ofOwner.sum(1L).max()))
        // The place of each among those of its owner.
        let within = (ofOwner.cumsum (1L) - 1L.ToScalar()).gather(0L, owners.unsqueeze 0L).squeeze 0L

        { Team = team
          Images = images
          Others = others
          Own = (owners.eq (scalar (float team.Rank))).nonzero().squeeze 1L
          Most = most
          Places = owners * most.ToScalar() + within })

/// The number of this process's first image.
let private start (team: Team) (own: Tensor) = int64 team.Rank * own.shape[0]

/// n ..., what belongs to this process's images -> e ..., of each of its pairs that of the image that is read.
let ofImages (pairs: Chosen) (x: Tensor) : Tensor =
    x.index_select (0L, pairs.Images.index_select (0L, pairs.Own) - (start pairs.Team x).ToScalar())

/// B ..., what belongs to all images -> e ..., of each of this process's pairs that of one of its two.
let ofAll (pairs: Chosen) (ofPairs: Tensor) (x: Tensor) : Tensor = x.index_select (0L, ofPairs.index_select (0L, pairs.Own))

/// e ... of this process's pairs -> 2E ... of all.
let whole (pairs: Chosen) (x: Tensor) : Tensor =
    let missing = pairs.Most - x.shape[0]
    let filled = if missing = 0L then x else torch.cat ([| x; x.new_zeros [| missing; yield! Array.tail x.shape |] |], 0L)
    (Team.gathered pairs.Team filled).index_select(0L, pairs.Places)

/// e ... of this process's pairs -> e ...: of (i|j) what is known of (j|i).
let reversed (pairs: Chosen) (x: Tensor) : Tensor = (whole pairs x).roll(pairs.Images.shape[0] / 2L, 0L).index_select(0L, pairs.Own)
