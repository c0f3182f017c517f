namespace CondEmbed

/// Whether layers behave as in training (batch statistics, dropout) or as at test time.
type Mode =
    | Training
    | Testing

/// What a forward pass sees of its surroundings.
type Env =
    {
        Params: Params
        Mode: Mode
        /// Receives the new value of a statistic under its name. Layers report; the trainer commits.
        Report: string -> Tensor -> unit
    }

/// A layer is a value: the parameters it declares and a pure function of them and its input.
type Layer<'In, 'Out> = { Specs: ParamSpec list; Forward: Env -> 'In -> 'Out }

/// A layer was given what does not fit its parameters: the path of its name, and what libtorch says.
[<Class; Sealed>]
type LayerException =
    inherit System.ArgumentException
    member Path: string
    member Reason: string

module Layer =
    /// A layer without parameters.
    val lift: ('In -> 'Out) -> Layer<'In, 'Out>
    /// A layer from its specs and its forward function.
    val create: specs: ParamSpec list -> forward: (Env -> 'In -> 'Out) -> Layer<'In, 'Out>
    /// Puts a layer's parameters under a name: prefixes the specs, the view of the parameters and the reported statistics alike. Errors of shape in
    /// it name it: a LayerException.
    val named: name: string -> Layer<'In, 'Out> -> Layer<'In, 'Out>
    /// First one layer, then the other. `-->` is its operator.
    val compose: Layer<'A, 'B> -> Layer<'B, 'C> -> Layer<'A, 'C>
    /// One after another; no layer at all is the identity.
    val sequence: Layer<'T, 'T> list -> Layer<'T, 'T>
    /// Two layers on the same input.
    val both: Layer<'In, 'A> -> Layer<'In, 'B> -> Layer<'In, 'A * 'B>
    /// Changes the output by a function without parameters.
    val map: ('A -> 'B) -> Layer<'In, 'A> -> Layer<'In, 'B>
    /// Runs the layer as at test time, also in training: its statistics stand still.
    val frozen: Layer<'In, 'Out> -> Layer<'In, 'Out>
    /// The layer's output at test time, without gradients.
    val run: Params -> Layer<'In, 'Out> -> 'In -> 'Out

[<AutoOpen>]
module LayerOperators =
    /// `Layer.compose`.
    val (-->): Layer<'A, 'B> -> Layer<'B, 'C> -> Layer<'A, 'C>
