// F# Interactive runs this file of the package by itself at #r "nuget: CondEmbed" (or CondEmbed.Torch): torch can be used from the first line of a script on.
CondEmbed.Torch.Native.ensure ()
