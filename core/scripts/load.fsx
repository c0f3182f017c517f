// Makes CondEmbed loadable in F# Interactive, and shows tensors in one line. Build once, from the project's root:
//
//     dotnet build -c Release
//
// then, in F# Interactive or at the top of a script in this folder:
//
//     #load "load.fsx"
//     open CondEmbed
//
// If F# Interactive cannot find a file named below, nothing is built yet: run the command above.
#r "../../shell/CondEmbed.Cli/bin/Release/net10.0/TorchSharp.dll"
#r "../../shell/CondEmbed.Cli/bin/Release/net10.0/CondEmbed.Common.dll"
#r "../../shell/CondEmbed.Cli/bin/Release/net10.0/CondEmbed.Torch.dll"
#r "../../shell/CondEmbed.Cli/bin/Release/net10.0/CondEmbed.Core.dll"
#r "../../shell/CondEmbed.Cli/bin/Release/net10.0/CondEmbed.Images.dll"
#r "../../shell/CondEmbed.Cli/bin/Release/net10.0/CondEmbed.Search.dll"
#r "../../shell/CondEmbed.Cli/bin/Release/net10.0/CondEmbed.dll"

CondEmbed.Torch.Native.ownProcess ()
CondEmbed.Torch.Native.ensure ()
fsi.AddPrinter CondEmbed.Show.tensor
fsi.AddPrinter(fun (image: CondEmbed.Images.RgbImage) -> string image)
