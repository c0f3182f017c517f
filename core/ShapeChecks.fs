/// What the basic layers require of their input. Checked before libtorch sees it, whose messages name neither the layer nor the fix. A few microseconds per layer.
module internal CondEmbed.ShapeChecks

/// Checks that the input has the type and the device of a parameter.
let like (parameter: Tensor) (x: Tensor) =
    if x.dtype <> parameter.dtype then
        Layer.refuse
            $"the input is {x.dtype} and the parameters are {parameter.dtype}: convert the input, x.``to`` parameter.dtype, or make the parameters of its type in Params.init or Train.start."

    if x.device_type <> parameter.device_type || x.device_index <> parameter.device_index then
        Layer.refuse
            $"the input is on {x.device} and the parameters are on {parameter.device}: move the input, x.``to`` parameter.device, or make the parameters there."

/// B C H W.
let map (channels: int) (x: Tensor) =
    let shape = x.shape

    if shape.Length <> 4 then Layer.refuse $"it works on maps, B {channels} H W; the input is {shapeText shape}."

    if shape[1] <> int64 channels then
        let hint =
            if shape[3] = int64 channels then
                " Channels come before rows and columns: x.permute (0, 3, 1, 2)."
            else
                $" Make the layer for {shape[1]} channels, or the one before it with {channels}."

        Layer.refuse $"it is made for {channels} channels, B {channels} H W; the input is {shapeText shape}, which has {shape[1]}.{hint}"

/// B C H W of any C.
let anyMap (x: Tensor) =
    if x.Dimensions <> 4L then Layer.refuse $"a pooling works on maps, B C H W; the input is {shapeText x.shape}."

    x

/// ... D.
let features (width: int) (x: Tensor) =
    let shape = x.shape

    if shape.Length = 0 || shape[shape.Length - 1] <> int64 width then
        let found = if shape.Length = 0 then "no side" else $"{shape[shape.Length - 1]}"

        Layer.refuse
            $"it is made for {width} features on the last side; the input is {shapeText shape}, which has {found}. Make the layer for {found}, or the one before it with {width}."

/// B D. `made` says what was made for how many features, and `what` is to be made anew.
let embeddings (width: int) (made: string) (what: string) (x: Tensor) =
    let shape = x.shape

    if shape.Length <> 2 || shape[1] <> int64 width then
        Layer.refuse $"{made}, and the embeddings are {shapeText shape}, B D: make {what} with the D of the network."

/// B C or B C ..., and in training more than one number per channel.
let norm (channels: int) (env: Env) (x: Tensor) =
    let shape = x.shape

    if shape.Length < 2 || shape[1] <> int64 channels then
        Layer.refuse
            $"it is a norm of {channels} channels, B {channels} ...; the input is {shapeText shape}. Make the norm for the channels of what comes before it."

    if env.Mode = Training && x.numel () * int64 env.Team.Size <= shape[1] then
        Layer.refuse
            $"a norm over the batch needs more than one number a channel while training; the input is {shapeText shape}. Give a larger batch, or freeze the norm with Layer.frozen."
