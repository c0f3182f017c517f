/// What one set of similarities teaches another: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015, on similarities
/// as in Seidenschwarz, Elezi and Leal-Taixé, "Learning Intra-Batch Connections for Deep Metric Learning", ICML 2021.
module CondEmbed.Distillation

open TorchSharp

/// Q R of bool, teacher Q R, student Q R -> scalar: the mean over queries of KL(softmax(teacher / t) || softmax(student / t)) over the marked references.
/// The teacher receives no gradient.
let loss (temperature: float) (mask: Tensor) (teacher: Tensor) (student: Tensor) =
    // A finite number, since minus infinity would make the gradient of a row without marks NaN.
    let logShare (s: Tensor) = (s / temperature).masked_fill(mask.logical_not (), scalar -1e30).log_softmax(1L)
    let wanted, found = logShare (teacher.detach ()), logShare student
    torch.where(mask, wanted.exp () * (wanted - found), zeroLike found).sum(1L).mean()
