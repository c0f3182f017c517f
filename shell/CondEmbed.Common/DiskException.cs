namespace CondEmbed.Common;

/// <summary>
/// A file could not be written because the disk is full or failing. The input is fine, and the same call works once there is room; what was there before is as
/// it was. The message names the file and the remedy.
/// </summary>
/// <param name="message">The file, what is wrong and the remedy.</param>
/// <param name="cause">What the system reported.</param>
public class DiskException(string message, Exception? cause = null) : IOException(message, cause);
