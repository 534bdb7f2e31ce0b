import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.util.*;
import javax.net.ssl.*;

/** Carries lines over TLS with JSSE; name=value arguments as matrix.peers.programs says. */
public final class Talk {
    private static final Map<String, String> wishes = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        for (String argument : arguments) {
            String[] pair = argument.split("=", 2);
            wishes.put(pair[0], pair[1]);
        }
        // Old versions and weak suites are what this is for.
        Security.setProperty("jdk.tls.disabledAlgorithms", "");
        Security.setProperty("jdk.tls.legacyAlgorithms", "");
        Security.setProperty("jdk.certpath.disabledAlgorithms", "");
        SSLContext context = context();
        if (wishes.get("role").equals("server")) serve(context); else connect(context);
    }

    private static boolean wish(String name) {
        return wishes.get(name).equals("1");
    }

    private static SSLContext context() throws Exception {
        char[] passphrase = wishes.get("passphrase").toCharArray();
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(Path.of(wishes.get("p12")))) {
            store.load(in, passphrase);
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");
        keys.init(store, passphrase);
        boolean own = wishes.get("role").equals("server") || wish("mutual");
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(own ? keys.getKeyManagers() : null, new TrustManager[] {new Trusting()}, null);
        return context;
    }

    private static String version() {
        String version = wishes.get("version");
        if (version.equals("SSL 3.0")) return "SSLv3";
        return version.equals("TLS 1.0") ? "TLSv1" : version.replace("TLS ", "TLSv");
    }

    private static void serve(SSLContext context) throws Exception {
        SSLServerSocket listening = (SSLServerSocket) context.getServerSocketFactory()
            .createServerSocket(Integer.parseInt(wishes.get("port")), 8,
                java.net.InetAddress.getLoopbackAddress());
        listening.setEnabledProtocols(new String[] {version()});
        listening.setEnabledCipherSuites(new String[] {wishes.get("suite")});
        listening.setNeedClientAuth(wish("mutual"));
        while (true) {
            try (SSLSocket socket = (SSLSocket) listening.accept()) {
                InputStream in = new BufferedInputStream(socket.getInputStream());
                for (byte[] line = readLine(in); line != null; line = readLine(in)) {
                    ByteArrayOutputStream answer = new ByteArrayOutputStream();
                    answer.write("200 OK: ".getBytes(StandardCharsets.US_ASCII));
                    answer.write(line);
                    socket.getOutputStream().write(answer.toByteArray());
                }
            } catch (IOException error) {
                System.err.println(error);
            }
        }
    }

    private static void connect(SSLContext context) throws Exception {
        InputStream lines = new BufferedInputStream(System.in);
        boolean more = true;
        while (more) {
            more = false;
            try (SSLSocket socket = (SSLSocket) context.getSocketFactory()
                    .createSocket("127.0.0.1", Integer.parseInt(wishes.get("port")))) {
                socket.setEnabledProtocols(new String[] {version()});
                socket.setEnabledCipherSuites(new String[] {wishes.get("suite")});
                InputStream in = new BufferedInputStream(socket.getInputStream());
                for (byte[] line = readLine(lines); line != null; line = readLine(lines)) {
                    if (line.length == 2 && line[0] == '.') {
                        more = true;
                        break;
                    }
                    socket.getOutputStream().write(line);
                    System.out.write(readLine(in));
                    System.out.flush();
                }
            }
        }
    }

    private static byte[] readLine(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int one = in.read(); one >= 0; one = in.read()) {
            line.write(one);
            if (one == '\n') return line.toByteArray();
        }
        return null;
    }

    /** Nothing is verified here: what is tried is the protocol. */
    private static final class Trusting extends X509ExtendedTrustManager {
        public void checkClientTrusted(X509Certificate[] c, String a) {}
        public void checkServerTrusted(X509Certificate[] c, String a) {}
        public void checkClientTrusted(X509Certificate[] c, String a, java.net.Socket s) {}
        public void checkServerTrusted(X509Certificate[] c, String a, java.net.Socket s) {}
        public void checkClientTrusted(X509Certificate[] c, String a, SSLEngine e) {}
        public void checkServerTrusted(X509Certificate[] c, String a, SSLEngine e) {}
        public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
    }
}
