// F# Interactive runs this file of the package by itself at #r "nuget: CondEmbed" (or CondEmbed.Core): torch can be used from the first line of a script on, and
// a tensor is shown in one line.
CondEmbed.Native.ensure ()
fsi.AddPrinter CondEmbed.Show.tensor
