/// The conditional embeddings of one pair after another with every option, by loops over pairs, heads, places and numbers: no tensors.
module CondEmbed.Tests.LevelLoops

open System
open CondEmbed
open CondEmbed.Tests.AttentionTests
open CondEmbed.Tests.Support
open TorchSharp
open CondEmbed.Search

/// Images of two stages: B C h w of the last and of the one before it.
let channels = [ 9; 5 ]

let options levels : Hierarchy.Options = Hierarchy.plain { Channels = channels.Head; Embedding = 6; Heads = 2 } levels

let views count : Hierarchy.Views =
    { Maps = [ normal 21 [ count; 9; 2; 3 ]; normal 22 [ count; 5; 4; 3 ] ]
      Embeddings = normal 23 [ count; 6 ]
      Head = None
      Averaged = None }

/// A head without a bias that makes 6 features of each token, 6 9.
let headWeight () = normal 24 [ 6; 9 ]

/// Views with a head of that weight.
let withHead weight (views: Hierarchy.Views) =
    let env = { Params = Params.ofSeq [ "weight", weight ]; Mode = Training; Report = (fun _ _ -> ()); Team = Team.alone }
    { views with Head = Some { Project = Layer.lift snd --> Layers.projection 9 6; Env = env } }

/// The views as other weights see the images, beside them.
let averaged keys (views: Hierarchy.Views) =
    let others = { views with Maps = [ normal 31 [ 3; 9; 2; 3 ]; normal 32 [ 3; 5; 4; 3 ] ]; Embeddings = normal 33 [ 3; 6 ] }
    { views with Averaged = Some { Of = others; Keys = keys } }

/// Parameters without zeros and ones, so that every one of them counts.
let unlike (specs: ParamSpec list) = started [ for spec in specs -> { spec with Init = Normal 0.4 } ]

let private times (parameters: Params) name (x: float array) =
    let bias =
        if List.contains $"{name}.bias" parameters.Names then numbers parameters[$"{name}.bias"] else Array.zeroCreate 1000

    [| for i, row in Array.indexed (rowsOf parameters[$"{name}.weight"]) -> dot row x + bias[i] |]

/// The error function by its Taylor series.
let private erf x =
    let term n =
        (if n % 2 = 0 then 1.0 else -1.0) * Seq.fold (fun y k -> y * x * x / float k) x (seq { 1..n })
        / float (2 * n + 1)

    2.0 / sqrt Math.PI * Seq.sumBy term (seq { 0..60 })

let private normOf name (parameters: Params) (x: float array) =
    let mean = Array.average x
    let deviation = sqrt ((x |> Array.averageBy (fun value -> (value - mean) ** 2.0)) + 1e-5)

    Array.map3
        (fun value weight bias -> (value - mean) / deviation * weight + bias)
        x
        (numbers parameters[$"{name}.weight"])
        (numbers parameters[$"{name}.bias"])

let private norm parameters x = normOf "norm" parameters x

let private after (options: Hierarchy.Options) parameters x =
    match options.After with
    | Level.After.Nothing -> x
    | Level.After.Norm -> norm parameters x
    | Level.After.FeedForward ->
        let inner = norm parameters x |> times parameters "inner"
        let gelu value = value * (1.0 + erf (value / sqrt 2.0)) / 2.0
        plus x (Array.map gelu inner |> times parameters "outer")

/// Rows, columns and channels of a place's sines and cosines.
let private sine width row column =
    let quarter = width / 4

    [| for channel in 0 .. width - 1 do
           let angle place = float place / 10000.0 ** (float (channel % quarter) / float quarter)

           match channel / quarter with
           | 0 -> sin (angle row)
           | 1 -> cos (angle row)
           | 2 -> sin (angle column)
           | 3 -> cos (angle column)
           | _ -> 0.0 |]

/// The number of a grid of 8 x 8 at a place of rows x columns, between its four nearest: places are the middles of fields.
let private stretched (grid: float array) (rows, columns) row column =
    let along size place =
        let at = max 0.0 ((float place + 0.5) * 8.0 / float size - 0.5)
        let low = int at
        low, min 7 (low + 1), at - float low

    let r0, r1, r = along rows row
    let c0, c1, c = along columns column
    let value i j = grid[8 * i + j]

    (1.0 - r) * ((1.0 - c) * value r0 c0 + c * value r0 c1)
    + r * ((1.0 - c) * value r1 c0 + c * value r1 c1)

let private coded (options: Hierarchy.Options) (parameters: Params) (map: Tensor) (tokens: float array array) =
    let width, rows, columns = int map.shape[1], int map.shape[2], int map.shape[3]

    let code row column =
        match options.Position with
        | Positions.Code.None -> Array.zeroCreate width
        | Positions.Code.Sine -> sine width row column
        | Positions.Code.Learned ->
            let grids = numbers parameters["position"] |> Array.chunkBySize 64
            [| for grid in grids -> stretched grid (rows, columns) row column |]

    [| for place, token in Array.indexed tokens -> plus token (code (place / columns) (place % columns)) |]

let cosine (a: float array) b = dot a b / sqrt (dot a a * dot b b)

/// What the head makes of a token.
let private throughHead token = [| for row in rowsOf (headWeight ()) -> dot row token |]

/// The mean of rows, weighted by the softmax of their scores.
let private attended (scores: float array) (values: float array array) =
    let weights = Array.map exp scores

    Array.map2 (fun weight value -> value |> Array.map ((*) (weight / Array.sum weights))) weights values
    |> Array.reduce plus

/// One query to one image by projections with heads.
let private project (options: Hierarchy.Options) values parameters query (looked: float array array) tokens =
    let own = values = Attention.Values.Own
    let q, keys = times parameters "query" query, Array.map (times parameters "key") looked
    let values = Array.map (if own then times parameters "value" else throughHead) tokens
    let perHead = q.Length / options.Attention.Heads

    let head index =
        let part (x: float array) = Array.sub x (index * perHead) perHead
        attended [| for key in keys -> dot (part q) (part key) / sqrt (float perHead) |] (Array.map part values)

    let joined = Array.init options.Attention.Heads head |> Array.concat
    if own then times parameters "output" joined else joined

/// One query to one image.
let private read (options: Hierarchy.Options) parameters query looked (tokens: float array array) =
    match options.Form with
    | Level.Form.Projections values -> project options values parameters query looked tokens
    | Level.Form.Group ownHead ->
        let head = if ownHead.IsSome then times parameters "head" else throughHead
        let q = normOf "query_norm" parameters query |> times parameters "query"
        let normed = Array.map (normOf "token_norm" parameters)
        let scores = [| for token in normed looked -> dot q (times parameters "key" token) / sqrt (float q.Length) |]
        attended scores (normed tokens |> Array.map (times parameters "value")) |> head
    | Level.Form.Cosine temperature ->
        attended [| for token in looked -> cosine query (throughHead token) / temperature |] (Array.map throughHead tokens)
    | Level.Form.SecondHead _ ->
        let mean = tokens |> Array.reduce plus |> Array.map (fun x -> x / float tokens.Length)
        times parameters "head" mean

/// c^0 ... c^L, each [i][j].
let conditionals (options: Hierarchy.Options) (parameters: Params) (views: Hierarchy.Views) =
    let askers = views.Averaged |> Option.fold (fun _ averaged -> averaged.Of) views
    let keys = views.Averaged |> Option.fold (fun own averaged -> if averaged.Keys then averaged.Of else own) views

    let asking =
        match options.Form with
        | Level.Form.Group _ ->
            [| for tokens in tokensOfMap askers.Maps.Head -> tokens |> Array.reduce plus |> Array.map (fun x -> x / float tokens.Length) |]
        | _ -> rowsOf askers.Embeddings

    let count = asking.Length
    let first = Array.init count (fun i -> Array.create count asking[i])

    let next (previous: float array array array) level =
        let own = parameters |> Params.inside (if options.Shared then "levels" else $"level{level}")
        let mapOf (views: Hierarchy.Views) = if options.Stages.IsEmpty then views.Maps.Head else views.Maps[level - 1]
        let tokens, looked = tokensOfMap (mapOf views), tokensOfMap (mapOf keys)

        let query i j =
            match options.Query with
            | Hierarchy.Query.Previous -> previous[j].[i]
            | Hierarchy.Query.Unconditional -> asking[j]
            | Hierarchy.Query.Own -> previous[i].[j]
            // As torch's roll: to place j comes what stood count / 2 places before it.
            | Hierarchy.Query.Shuffled -> asking[(j - count / 2 + count) % count]

        Array.init count (fun i ->
            Array.init count (fun j ->
                let answer = read options own (query i j) (coded options own (mapOf keys) looked[i]) tokens[i]
                after options own (if options.Residual then plus previous[i].[j] answer else answer)))

    (first, [ 1 .. options.Levels ]) ||> List.scan next

/// s^1 ... s^L, each [i][j].
let similarities (options: Hierarchy.Options) parameters views =
    let all = conditionals options parameters views
    let embeddings = rowsOf views.Embeddings

    [ for c in all.Tail ->
          let count = c.Length

          Array.init count (fun i ->
              Array.init count (fun j ->
                  match options.Agreement with
                  | Hierarchy.Agreement.Mutual -> cosine c[i].[j] c[j].[i]
                  | Hierarchy.Agreement.OneSided -> (cosine c[i].[j] embeddings[j] + cosine c[j].[i] embeddings[i]) / 2.0)) ]

let asTensor (rows: float array array) = matrixOf [ for row in rows -> List.ofArray row ]

/// Every option at each of its values, the others as usual, and some at once.
let variants =
    let two = options 2
    let given = { two with Form = Level.Form.Projections Attention.Values.Given }

    [ "plain", two, false
      "residual", { two with Residual = true }, false
      "shared", { two with Shared = true }, false
      "values of the head", given, true
      "values of the head, residual, shared", { given with Residual = true; Shared = true }, true
      "unconditional query", { two with Query = Hierarchy.Query.Unconditional }, false
      "the image asks itself", { two with Query = Hierarchy.Query.Own }, false
      "an unrelated image asks", { two with Query = Hierarchy.Query.Shuffled }, false
      "group", { options 1 with Form = Level.Form.Group None }, true
      "group, the image asks itself", { options 1 with Form = Level.Form.Group None; Query = Hierarchy.Query.Own }, true
      "group, an unrelated image asks", { options 2 with Form = Level.Form.Group None; Query = Hierarchy.Query.Shuffled }, true
      "group, norm", { options 1 with Form = Level.Form.Group None; After = Level.After.Norm }, true
      "second head, feed-forward", { options 1 with Form = Level.Form.SecondHead 6; After = Level.After.FeedForward }, false
      "group, a head of its own, norm", { options 1 with Form = Level.Form.Group(Some 6); After = Level.After.Norm }, false
      "group, one-sided", { options 1 with Form = Level.Form.Group None; Agreement = Hierarchy.Agreement.OneSided }, true
      "cosine", { two with Form = Level.Form.Cosine 0.3 }, true
      "cosine, residual, the image asks itself",
      { two with Form = Level.Form.Cosine 0.5; Residual = true; Query = Hierarchy.Query.Own },
      true
      "second head", { two with Form = Level.Form.SecondHead 6 }, false
      "norm", { two with After = Level.After.Norm; Residual = true }, false
      "feed-forward", { two with After = Level.After.FeedForward }, false
      "sine", { two with Position = Positions.Code.Sine }, false
      "learned positions", { two with Position = Positions.Code.Learned }, false
      "one-sided", { two with Agreement = Hierarchy.Agreement.OneSided }, false
      "stages", { two with Stages = channels }, false
      "many at once",
      { two with
          Residual = true
          Query = Hierarchy.Query.Unconditional
          After = Level.After.FeedForward
          Position = Positions.Code.Learned
          Agreement = Hierarchy.Agreement.OneSided
          Stages = channels },
      false ]

/// The views that a variant reads.
let viewsOf hasHead count = if hasHead then withHead (headWeight ()) (views count) else views count
