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

/// A layer is a value: the parameters it declares and a pure function of them and its input. Shown as the tree of its parameters.
type Layer<'In, 'Out> = { Specs: ParamSpec list; Forward: Env -> 'In -> 'Out }

/// A layer was given what does not fit it: the path of its name (empty where it has none), and what is wrong.
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
    /// Puts a layer's parameters under a name: prefixes the specs, the view of the parameters and the reported statistics alike. What it refuses, and
    /// what libtorch refuses in it, is a LayerException that names it.
    val named: name: string -> Layer<'In, 'Out> -> Layer<'In, 'Out>
    /// First one layer, then the other. `-->` is its operator.
    val compose: Layer<'A, 'B> -> Layer<'B, 'C> -> Layer<'A, 'C>
    /// One after another; no layer at all is the identity.
    val sequence: Layer<'T, 'T> list -> Layer<'T, 'T>
    /// Two layers on the same input.
    val both: Layer<'In, 'A> -> Layer<'In, 'B> -> Layer<'In, 'A * 'B>
    /// The layer, with what it makes on its way freed at its end, but for its output, what it reports, and what gradients need.
    val tidied: Layer<'In, Tensor> -> Layer<'In, Tensor>
    /// Changes the output by a function without parameters.
    val map: ('A -> 'B) -> Layer<'In, 'A> -> Layer<'In, 'B>
    /// Runs the layer as at test time, also in training: its statistics stand still.
    val frozen: Layer<'In, 'Out> -> Layer<'In, 'Out>
    /// What a layer says of an input that does not fit it: a LayerException, to which the names round the layer add its path.
    val refuse: reason: string -> 'T
    /// The layer whose every error of libtorch is a LayerException.
    val internal explained: Layer<'In, 'Out> -> Layer<'In, 'Out>
    /// The layer's output in a mode, with its history for gradients; what it reports is dropped. ArgumentException as in `run`.
    val apply: Mode -> Params -> Layer<'In, 'Out> -> 'In -> 'Out
    /// The layer's output at test time, without gradients. ArgumentException: parameters that are another model's, input that does not fit.
    val run: Params -> Layer<'In, 'Out> -> 'In -> 'Out

[<AutoOpen>]
module LayerOperators =
    /// `Layer.compose`.
    val (-->): Layer<'A, 'B> -> Layer<'B, 'C> -> Layer<'A, 'C>
